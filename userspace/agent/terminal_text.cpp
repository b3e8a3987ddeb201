// SPDX-License-Identifier: Apache-2.0
#include "agent/terminal_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/utf8.h"

namespace hostlens::agent {
namespace {

struct Range {
  uint32_t first;
  uint32_t last;
};

constexpr std::array kHarmful = {
    Range{0x00, 0x1F},     Range{0x7F, 0x9F},      // controls
    Range{0x200B, 0x200F}, Range{0x2028, 0x202E},  // zero width; line ends, bidirectional overrides
    Range{0x2060, 0x206F}, Range{0xFEFF, 0xFEFF},  // isolates, byte order mark
    Range{0xFFF9, 0xFFFD},                         // annotations; what stands for broken bytes
};

/// Two columns each: the blocks that are wide throughout (Unicode East Asian Width W and F).
constexpr std::array kWide = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},
    Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD},
};

template <size_t N>
bool contains(const std::array<Range, N>& ranges, uint32_t point) {
  return std::any_of(ranges.begin(), ranges.end(), [point](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

/// Takes one character off valid UTF-8; `bytes` is what it took.
uint32_t take_character(std::string_view& text, std::string_view& bytes) {
  const auto lead = static_cast<uint8_t>(text.front());
  const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  bytes = text.substr(0, length);
  uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
  for (const char byte : bytes.substr(1))
    point = point << 6U | (static_cast<uint8_t>(byte) & 0x3FU);
  text.remove_prefix(length);
  return point;
}

struct Line {
  std::string text;
  size_t columns = 0;
};

Line harmless(std::string_view raw, size_t width) {
  // A character is four bytes at most: what comes behind these cannot be shown.
  std::string valid;
  base::assign_utf8(valid, raw.substr(0, std::min(raw.size(), (width + 1) * 4)));
  Line line;
  Line before_last_column;  // where the mark of a cut goes
  for (std::string_view rest = valid; !rest.empty();) {
    std::string_view bytes;
    const uint32_t point = take_character(rest, bytes);
    if (contains(kHarmful, point)) bytes = "?";
    const size_t columns = contains(kWide, point) ? 2 : 1;
    if (line.columns + columns > width) {
      before_last_column.text += width > 0 ? "~" : "";
      before_last_column.columns += width > 0 ? 1 : 0;
      return before_last_column;
    }
    line.text += bytes;
    line.columns += columns;
    if (line.columns < width) before_last_column = line;
  }
  return line;
}

}  // namespace

std::string terminal_text(std::string_view text, size_t width) {
  return harmless(text, width).text;
}

std::string terminal_cell(std::string_view text, size_t width) {
  Line line = harmless(text, width);
  line.text.append(width - line.columns, ' ');
  return std::move(line.text);
}

std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width)
      lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return lines;
}

}  // namespace hostlens::agent
