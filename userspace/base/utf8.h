// SPDX-License-Identifier: Apache-2.0
// Strangers' bytes (paths, headers, command lines) as the UTF-8 that protobuf and JSON demand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hostlens::base {

/// Length of the character that `text`, which is not empty, begins with; 0 when its first byte
/// begins none (RFC 3629: no surrogates, no overlong forms, nothing cut off).
[[nodiscard]] size_t utf8_length(std::string_view text);

/// Length of the longest prefix that is valid UTF-8.
[[nodiscard]] size_t valid_utf8_prefix(std::string_view text);

/// Assigns `text` to `out` with each byte that is not part of valid UTF-8 replaced by U+FFFD.
void assign_utf8(std::string& out, std::string_view text);

/// Appends one character, at most U+10FFFF and no surrogate.
void append_utf8(std::string& text, uint32_t character);

}  // namespace hostlens::base
