// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace hostlens::scrapers {

/// Calls `visit` with the name of each entry but "." and "..", at most `limit` of them, in no
/// order. False when the directory cannot be opened.
bool for_each_entry(const std::string& path, size_t limit,
                    const std::function<void(std::string_view)>& visit);

/// The last component of what a symbolic link points to, "" when there is none.
[[nodiscard]] std::string link_base_name(const std::string& path);

}  // namespace hostlens::scrapers
