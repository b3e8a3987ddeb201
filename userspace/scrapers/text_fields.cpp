// SPDX-License-Identifier: Apache-2.0
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {

std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
  while (const auto line = next_line(text)) {
    if (line->size() <= key.size() || !line->starts_with(key)) continue;
    const char separator = (*line)[key.size()];
    if (separator == ' ' || separator == '\t' || separator == ':') {
      return line->substr(key.size() + 1);
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> number_of(std::string_view text, std::string_view key) {
  auto rest = value_of(text, key);
  return rest ? next_number(*rest) : std::nullopt;
}

}  // namespace hostlens::scrapers
