// SPDX-License-Identifier: Apache-2.0
#include "scrapers/pressure_text.h"

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

std::optional<std::string_view> value_in(std::string_view line, std::string_view key) {
  while (true) {
    const std::string_view word = next_word(line);
    if (word.empty()) return std::nullopt;
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') {
      return word.substr(key.size() + 1);
    }
  }
}

std::optional<Pressure> parse_line(std::string_view line) {
  const auto average = value_in(line, "avg10");
  const auto total = value_in(line, "total");
  if (!average || !total) return std::nullopt;
  const auto percent = to_number<double>(*average);
  const auto microseconds = to_number(*total);
  if (!percent || !microseconds || !(*percent >= 0 && *percent <= 100)) return std::nullopt;
  return Pressure{*percent / 100, *microseconds};
}

}  // namespace

PressureText parse_pressure(std::string_view text) {
  PressureText pressure;
  while (auto line = next_line(text)) {
    const std::string_view kind = next_word(*line);
    if (kind == "some") pressure.some = parse_line(*line);
    if (kind == "full") pressure.full = parse_line(*line);
  }
  return pressure;
}

}  // namespace hostlens::scrapers
