// SPDX-License-Identifier: Apache-2.0
// Lines, words and numbers of the kernel's text files. Nothing here trusts the text.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hostlens::scrapers {

/// The next line without its newline; nullopt at the end. An end without a newline is no line: the
/// kernel ends each of them, so a number before the end of a cut text may lack digits.
[[nodiscard]] inline std::optional<std::string_view> next_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

/// The next word between blanks; "" at the end.
inline std::string_view next_word(std::string_view& line, std::string_view blanks = " \t") {
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  return word;
}

/// The whole word as a number.
template <typename Number = uint64_t>
[[nodiscard]] std::optional<Number> to_number(std::string_view word) {
  Number number = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number);
  if (word.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

template <typename Number = uint64_t>
[[nodiscard]] std::optional<Number> next_number(std::string_view& line) {
  return to_number<Number>(next_word(line));
}

/// A file that holds one number and a newline.
template <typename Number = uint64_t>
[[nodiscard]] std::optional<Number> only_number(std::string_view text) {
  const auto line = next_line(text);
  return line ? to_number<Number>(*line) : std::nullopt;
}

/// The rest of the line that begins with the word `key` and a blank or colon ("MemFree:  12 kB").
[[nodiscard]] std::optional<std::string_view> value_of(std::string_view text, std::string_view key);

/// As value_of: the first word behind the key, as a number.
[[nodiscard]] std::optional<uint64_t> number_of(std::string_view text, std::string_view key);

}  // namespace hostlens::scrapers
