// SPDX-License-Identifier: Apache-2.0
#include "agent/configuration.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "agent/configuration_schema.h"
#include "agent/suggestion.h"

namespace hostlens::agent {
namespace {

constexpr size_t kMostErrors = 100;  // a file of another kind should not scroll the screen away

const ConfigurationKey* find_key(std::string_view path) {
  const auto keys = configuration_keys();
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const ConfigurationKey& key) { return key.path == path; });
  return found == keys.end() ? nullptr : &*found;
}

/// What may stand directly below `section` ("" is the top).
std::vector<std::string_view> names_below(std::string_view section) {
  std::vector<std::string_view> names;
  for (const ConfigurationKey& key : configuration_keys()) {
    std::string_view rest = key.path;
    if (!section.empty()) {
      if (!rest.starts_with(section) || rest.size() <= section.size() ||
          rest[section.size()] != '.') {
        continue;
      }
      rest.remove_prefix(section.size() + 1);
    }
    const std::string_view name = rest.substr(0, rest.find('.'));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

class Reader {
 public:
  Reader(std::string_view file, ConfigurationOutcome& outcome) : file_(file), outcome_(outcome) {}

  void read_section(const YamlNode& node, const std::string& section) {
    if (node.kind == YamlNode::Kind::kNull) return;  // "targets:" with nothing below it
    const std::vector<std::string_view> known = names_below(section);
    if (node.kind != YamlNode::Kind::kMapping) {
      outcome_.errors.push_back(fmt::format("{}not a mapping; allowed: the keys {}",
                                            error_place(file_, node.line, section),
                                            fmt::join(known, ", ")));
      return;
    }
    for (const YamlNode::Entry& entry : node.entries) read_entry(entry, section, known);
  }

  void read_key(const ConfigurationKey& key, const YamlNode& node) {
    ConfigurationValue value(node, std::string(key.path), key.allowed, file_, outcome_.errors);
    key.read(value, outcome_.configuration);
  }

 private:
  void read_entry(const YamlNode::Entry& entry, const std::string& section,
                  std::span<const std::string_view> known) {
    const std::string path = section.empty() ? entry.key : section + "." + entry.key;
    if (const ConfigurationKey* key = find_key(path)) {
      read_key(*key, entry.value);
    } else if (!names_below(path).empty()) {
      read_section(entry.value, path);
    } else {
      outcome_.errors.push_back(error_place(file_, entry.line, path.substr(0, 200)) +
                                unknown_key_text(entry.key, known));
    }
  }

  std::string_view file_;
  ConfigurationOutcome& outcome_;
};

void apply_override(const std::string& path, const std::string& text, Reader& reader,
                    ConfigurationOutcome& outcome) {
  const ConfigurationKey* key = find_key(path);
  if (key == nullptr) {
    std::vector<std::string_view> all;
    for (const ConfigurationKey& known : configuration_keys()) all.push_back(known.path);
    outcome.errors.push_back(path + ": " + unknown_key_text(path, all));
    return;
  }
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.text = text;
  reader.read_key(*key, node);
}

}  // namespace

ConfigurationOutcome parse_configuration(std::string_view text, std::string_view name,
                                         const Overrides& overrides) {
  ConfigurationOutcome outcome;
  const auto document = parse_yaml(text);
  if (!document) {
    outcome.errors.push_back(fmt::format("{}:{}", name, document.error().message));
    return outcome;
  }
  Reader reader(name, outcome);
  reader.read_section(*document, "");
  for (const auto& [path, value] : overrides) apply_override(path, value, reader, outcome);
  if (outcome.errors.size() > kMostErrors) {
    const size_t more = outcome.errors.size() - kMostErrors;
    outcome.errors.resize(kMostErrors);
    outcome.errors.push_back(fmt::format("{}: {} more errors", name, more));
  }
  return outcome;
}

}  // namespace hostlens::agent
