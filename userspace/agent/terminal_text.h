// SPDX-License-Identifier: Apache-2.0
// Texts of strangers (routes, service names, answers of an agent) made harmless for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hostlens::agent {

/// "?" for control characters (C0, DEL, C1), broken UTF-8 and what reorders or hides its neighbours
/// (bidirectional and zero-width characters). At most `width` columns, cut with "~".
[[nodiscard]] std::string terminal_text(std::string_view text, size_t width);

/// The same, filled with blanks to exactly `width` columns.
[[nodiscard]] std::string terminal_cell(std::string_view text, size_t width);

/// Broken at blanks to lines of `width` bytes; a longer word is a line of its own, left to be cut.
/// As raw as the text, never empty.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, size_t width);

}  // namespace hostlens::agent
