// SPDX-License-Identifier: Apache-2.0
// Strangers' texts inside HTML and XML.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hostlens::exporters::profile {

/// For text and quoted attributes of HTML and XML; line_safe() as well.
[[nodiscard]] std::string escape_markup(std::string_view text);

/// JSON that may stand in a <script>: no "</script>" or "<!--" can be in it.
[[nodiscard]] std::string script_safe_json(std::string_view json);

/// The text with each {{key}} replaced. What is put in is not looked at again; a key that has no
/// value stays as it is.
[[nodiscard]] std::string fill_template(
    std::string_view text, const std::vector<std::pair<std::string_view, std::string>>& values);

}  // namespace hostlens::exporters::profile
