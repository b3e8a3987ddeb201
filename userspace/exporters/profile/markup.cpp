// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/markup.h"

#include <algorithm>

#include "exporters/profile/frame_text.h"

namespace hostlens::exporters::profile {

std::string escape_markup(std::string_view text) {
  std::string out;
  for (const char c : line_safe(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string script_safe_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    // Outside of strings JSON has no '<'.
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

std::string fill_template(std::string_view text,
                          const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string out;
  while (true) {
    const size_t open = text.find("{{");
    const size_t close = text.find("}}", open == std::string_view::npos ? open : open + 2);
    if (close == std::string_view::npos) return out.append(text);
    const std::string_view key = text.substr(open + 2, close - open - 2);
    const auto value = std::find_if(values.begin(), values.end(),
                                    [key](const auto& item) { return item.first == key; });
    out += text.substr(0, open);
    out += value == values.end() ? text.substr(open, close + 2 - open) : value->second;
    text.remove_prefix(close + 2);
  }
}

}  // namespace hostlens::exporters::profile
