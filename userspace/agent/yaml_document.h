// SPDX-License-Identifier: Apache-2.0
// A bounded YAML document with line numbers: all that the configuration needs of YAML.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hostlens::agent {

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  struct Entry;

  Kind kind = Kind::kNull;
  int line = 0;                 ///< counted from 1
  std::string text;             ///< of a scalar
  std::vector<YamlNode> items;  ///< of a sequence
  std::vector<Entry> entries;   ///< of a mapping, in file order, keys unique
};

struct YamlNode::Entry {
  std::string key;
  int line = 0;
  YamlNode value;
};

/// Bounds of a configuration file. yaml-cpp itself recurses and expands what it is given.
inline constexpr size_t kYamlBytes = 1024 * 1024;
inline constexpr size_t kYamlDepth = 16;
inline constexpr size_t kYamlNodes = 50'000;

/// The single document in `text`; an empty text is a null node. Aliases, anchors, tags, repeated or
/// non-scalar keys and a second document are errors. Error messages begin with "LINE: ".
[[nodiscard]] base::Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace hostlens::agent
