// SPDX-License-Identifier: Apache-2.0
// One value of the configuration while it is read, with the words for what is wrong with it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/configuration.h"
#include "agent/yaml_document.h"

namespace hostlens::agent {

/// Of two thresholds: "5%, 25%", "1, 3", "20ms, 100ms".
enum class LevelUnit : uint8_t { kPercent, kCount, kSeconds };

/// Errors go to a list, in file order: reading never stops at the first. The `allowed` text of the
/// key is appended to each error that has no text of its own. Does not own the node.
class ConfigurationValue {
 public:
  ConfigurationValue(const YamlNode& node, std::string path, std::string_view allowed,
                     std::string_view file, std::vector<std::string>& errors)
      : node_(node), path_(std::move(path)), allowed_(allowed), file_(file), errors_(errors) {}

  void fail(std::string_view what) { fail_at(node_.line, path_, what, allowed_); }

  /// The plain text; empty only when that was given in quotes. Fails otherwise.
  [[nodiscard]] std::optional<std::string> text();
  void read(bool& out);
  void read_text(std::string& out);
  void read_duration(uint64_t& out, uint64_t least_ns, uint64_t most_ns);
  void read_size(uint64_t& out, uint64_t least, uint64_t most);
  void read_count(uint64_t& out, uint64_t least, uint64_t most);
  /// Ring sizes: the kernel takes powers of two of whole pages only.
  void read_ring_size(uint64_t& out, uint64_t least, uint64_t most);
  void read_texts(std::vector<std::string>& out);
  void read_headers(Headers& out);
  void read_rules(std::vector<discovery::ProcessRule>& out);
  void read_service_names(std::vector<discovery::ServiceNameRule>& out);
  /// Where degraded and failing begin. Untouched when it fails.
  void read_levels(health::Levels& out, LevelUnit unit, bool high_is_bad);
  void read_checks(std::vector<checks::CheckSettings>& out);

 private:
  void fail_at(int line, std::string_view path, std::string_view what, std::string_view allowed);
  [[nodiscard]] bool expect(const YamlNode& node, YamlNode::Kind kind, const std::string& path);
  void read_rule(const YamlNode& node, const std::string& path, discovery::ProcessRule& out);
  void read_pattern(const YamlNode::Entry& entry, const std::string& path,
                    discovery::ProcessRule& out);
  void read_check(const YamlNode& node, const std::string& path, checks::CheckSettings& out);
  void read_command(const YamlNode& node, const std::string& path, std::vector<std::string>& out);
  void check_what_is_asked(const std::string& path, int line, int target_line,
                           const checks::CheckSettings& check);
  [[nodiscard]] static std::string_view allowed_of_check(std::string_view key);
  void unknown_key(const YamlNode::Entry& entry, const std::string& path,
                   std::span<const std::string_view> known);

  const YamlNode& node_;
  std::string path_;
  std::string_view allowed_;
  std::string_view file_;
  std::vector<std::string>& errors_;
};

/// "file:line: " or "option: " (line 0, an override), then the path.
[[nodiscard]] std::string error_place(std::string_view file, int line, std::string_view path);
/// "unknown key; did you mean X?" or "unknown key; allowed: ...".
[[nodiscard]] std::string unknown_key_text(std::string_view key,
                                           std::span<const std::string_view> known);

}  // namespace hostlens::agent
