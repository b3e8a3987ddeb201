// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace hostlens::agent {

/// The candidate that `word` was probably meant to be; "" when none is near (Damerau-Levenshtein
/// distance over a third of the word's length, at least 1).
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

}  // namespace hostlens::agent
