// SPDX-License-Identifier: Apache-2.0
// Strangers' bytes (paths, headers, command lines) as the UTF-8 that protobuf and JSON demand.
#pragma once

#include <string>
#include <string_view>

namespace hostlens::exporters {

/// Length of the longest prefix that is valid UTF-8 (RFC 3629: no surrogates, no overlong forms).
[[nodiscard]] size_t valid_utf8_prefix(std::string_view text);

/// Assigns `text` to `out` with each byte that is not part of valid UTF-8 replaced by U+FFFD.
void assign_utf8(std::string& out, std::string_view text);

}  // namespace hostlens::exporters
