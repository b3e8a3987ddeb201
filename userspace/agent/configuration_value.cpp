// SPDX-License-Identifier: Apache-2.0
#include "agent/configuration_value.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "agent/suggestion.h"

namespace hostlens::agent {
namespace {

/// In the order of discovery::ProcessRuleKey.
constexpr std::array<std::string_view, 7> kTargetKeys = {
    "pid", "port", "executable", "command_line", "unit", "cgroup", "container"};

constexpr std::string_view kRuleAllowed =
    "a mapping of pid, port, executable, command_line, unit, cgroup, container to a pattern";

std::string_view kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMapping:
      return "a mapping";
  }
  return "";
}

/// RFC 9110 5.1 and 5.5: a token for the name; no control characters in the value.
bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto token = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= 256 && std::all_of(name.begin(), name.end(), token);
}
bool is_header_value(std::string_view value) {
  const auto fits = [](char c) { return c == '\t' || (c >= ' ' && c != 0x7f) || c < 0; };
  return value.size() <= 8192 && std::all_of(value.begin(), value.end(), fits);
}

}  // namespace

std::string error_place(std::string_view file, int line, std::string_view path) {
  if (line == 0) return fmt::format("{}: ", path);
  if (path.empty()) return fmt::format("{}:{}: ", file, line);
  return fmt::format("{}:{}: {}: ", file, line, path);
}

std::string unknown_key_text(std::string_view key, std::span<const std::string_view> known) {
  const std::string_view near = nearest(key, known);
  if (!near.empty()) return fmt::format("unknown key; did you mean {}?", near);
  return fmt::format("unknown key; allowed: {}", fmt::join(known, ", "));
}

void ConfigurationValue::fail_at(int line, std::string_view path, std::string_view what,
                                 std::string_view allowed) {
  std::string text = error_place(file_, line, path);
  text += what;
  if (!allowed.empty()) text.append("; allowed: ").append(allowed);
  errors_.push_back(std::move(text));
}

bool ConfigurationValue::expect(const YamlNode& node, YamlNode::Kind kind,
                                const std::string& path) {
  if (node.kind == kind) return true;
  const std::string what =
      fmt::format("{} where {} belongs", kind_name(node.kind), kind_name(kind));
  fail_at(node.line, path, what, path == path_ ? allowed_ : std::string_view{});
  return false;
}

std::optional<std::string> ConfigurationValue::text() {
  if (!expect(node_, YamlNode::Kind::kScalar, path_)) return std::nullopt;
  return node_.text;
}

void ConfigurationValue::read(bool& out) {
  const auto value = text();
  if (!value) return;
  if (*value != "true" && *value != "false") return fail(fmt::format("\"{}\" is neither", *value));
  out = *value == "true";
}

void ConfigurationValue::read_text(std::string& out) {
  if (auto value = text()) out = *std::move(value);
}

void ConfigurationValue::read_duration(uint64_t& out, uint64_t least_ns, uint64_t most_ns) {
  const auto value = text();
  if (!value) return;
  const auto parsed = parse_duration_ns(*value);
  if (!parsed) return fail(fmt::format("\"{}\" is not a duration", *value));
  if (*parsed < least_ns || *parsed > most_ns) return fail(*value + " is out of range");
  out = *parsed;
}

void ConfigurationValue::read_size(uint64_t& out, uint64_t least, uint64_t most) {
  const auto value = text();
  if (!value) return;
  const auto parsed = parse_size_bytes(*value);
  if (!parsed) return fail(fmt::format("\"{}\" is not a size", *value));
  if (*parsed < least || *parsed > most) return fail(*value + " is out of range");
  out = *parsed;
}

void ConfigurationValue::read_ring_size(uint64_t& out, uint64_t least, uint64_t most) {
  uint64_t size = out;
  const size_t errors_before = errors_.size();
  read_size(size, least, most);
  if (errors_.size() != errors_before) return;
  if ((size & (size - 1)) != 0) return fail(node_.text + " is no power of two");
  out = size;
}

void ConfigurationValue::read_count(uint64_t& out, uint64_t least, uint64_t most) {
  const auto value = text();
  if (!value) return;
  const auto parsed = parse_count(*value);
  if (!parsed) return fail(fmt::format("\"{}\" is not a whole number", *value));
  if (*parsed < least || *parsed > most) return fail(*value + " is out of range");
  out = *parsed;
}

void ConfigurationValue::read_texts(std::vector<std::string>& out) {
  if (!expect(node_, YamlNode::Kind::kSequence, path_)) return;
  out.clear();
  for (size_t i = 0; i < node_.items.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", path_, i);
    if (!expect(node_.items[i], YamlNode::Kind::kScalar, path)) continue;
    out.push_back(node_.items[i].text);
  }
}

void ConfigurationValue::read_headers(Headers& out) {
  if (!expect(node_, YamlNode::Kind::kMapping, path_)) return;
  for (const YamlNode::Entry& entry : node_.entries) {
    const std::string path = path_ + "." + entry.key;
    if (!expect(entry.value, YamlNode::Kind::kScalar, path)) continue;
    if (!is_header_name(entry.key)) {
      fail_at(entry.line, path_, "a header's name has characters that HTTP does not allow", "");
    } else if (!is_header_value(entry.value.text)) {
      fail_at(entry.line, path, "the value has characters that HTTP does not allow", "");
    } else {
      out.emplace_back(entry.key, entry.value.text);
    }
  }
}

void ConfigurationValue::unknown_key(const YamlNode::Entry& entry, const std::string& path,
                                     std::span<const std::string_view> known) {
  fail_at(entry.line, path + "." + entry.key, unknown_key_text(entry.key, known), "");
}

void ConfigurationValue::read_pattern(const YamlNode::Entry& entry, const std::string& path,
                                      discovery::ProcessRule& out) {
  const auto* known = std::find(kTargetKeys.begin(), kTargetKeys.end(), entry.key);
  if (known == kTargetKeys.end()) return unknown_key(entry, path, kTargetKeys);
  const std::string full = path + "." + entry.key;
  if (!expect(entry.value, YamlNode::Kind::kScalar, full)) return;
  const auto key = static_cast<discovery::ProcessRuleKey>(known - kTargetKeys.begin());
  const discovery::ProcessPattern pattern{key, entry.value.text};
  if (const auto compiled = discovery::ProcessMatcher::compile({pattern}); !compiled) {
    return fail_at(entry.value.line, path, compiled.error().message, "");
  }
  out.push_back(pattern);
}

void ConfigurationValue::read_rule(const YamlNode& node, const std::string& path,
                                   discovery::ProcessRule& out) {
  if (!expect(node, YamlNode::Kind::kMapping, path)) return;
  if (node.entries.empty()) return fail_at(node.line, path, "fits everything", kRuleAllowed);
  for (const YamlNode::Entry& entry : node.entries) read_pattern(entry, path, out);
}

void ConfigurationValue::read_rules(std::vector<discovery::ProcessRule>& out) {
  if (!expect(node_, YamlNode::Kind::kSequence, path_)) return;
  for (size_t i = 0; i < node_.items.size(); ++i) {
    discovery::ProcessRule rule;
    read_rule(node_.items[i], fmt::format("{}[{}]", path_, i), rule);
    if (!rule.empty()) out.push_back(std::move(rule));
  }
}

void ConfigurationValue::read_service_names(std::vector<discovery::ServiceNameRule>& out) {
  constexpr std::array<std::string_view, 2> kKeys = {"match", "name"};
  if (!expect(node_, YamlNode::Kind::kSequence, path_)) return;
  for (size_t i = 0; i < node_.items.size(); ++i) {
    const YamlNode& item = node_.items[i];
    const std::string path = fmt::format("{}[{}]", path_, i);
    if (!expect(item, YamlNode::Kind::kMapping, path)) continue;
    discovery::ServiceNameRule rule;
    const size_t errors_before = errors_.size();
    for (const YamlNode::Entry& entry : item.entries) {
      if (entry.key == "match") {
        read_rule(entry.value, path + ".match", rule.match);
      } else if (entry.key != "name") {
        unknown_key(entry, path, kKeys);
      } else if (expect(entry.value, YamlNode::Kind::kScalar, path + ".name")) {
        rule.name = entry.value.text;
      }
    }
    if (errors_.size() != errors_before) continue;
    if (rule.match.empty()) fail_at(item.line, path, "match is missing", kRuleAllowed);
    if (rule.name.empty() || rule.name.size() > 255) {
      fail_at(item.line, path, "name is missing or too long", "1 to 255 bytes");
    }
    if (errors_.size() == errors_before) out.push_back(std::move(rule));
  }
}

}  // namespace hostlens::agent
