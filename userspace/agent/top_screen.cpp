// SPDX-License-Identifier: Apache-2.0
#include "agent/top_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/terminal_text.h"

namespace hostlens::agent {
namespace {

constexpr std::array<std::string_view, 3> kPages = {"requests", "host", "health"};
const std::string kClear = "\x1b[2K";  ///< the row

/// "1 requests [2 host] 3 health", the shown one in brackets or in reverse.
std::string tabs(TopPage page, bool colour) {
  std::string text;
  for (size_t i = 0; i < kPages.size(); ++i) {
    const bool shown = static_cast<size_t>(page) == i;
    const std::string name = fmt::format("{} {}", i + 1, kPages[i]);
    text += !shown ? " " + name + " " : colour ? "\x1b[7m " + name + " \x1b[0m" : "[" + name + "]";
  }
  return text;
}

std::string title(TopPage page, std::string_view address, const PageStyle& screen) {
  const size_t tab_width = tabs(page, false).size();
  if (screen.width <= tab_width)
    return terminal_text(kPages[static_cast<size_t>(page)], screen.width);
  const std::string name = fmt::format("hostlens top - {}", address);
  return terminal_cell(name, screen.width - tab_width) + tabs(page, screen.colour);
}

std::string footer(std::string_view status, const PageStyle& screen) {
  constexpr std::string_view kKeys = "tab 1 2 3: page   q: end";
  if (screen.width < kKeys.size() + 3) return terminal_text("q: end", screen.width);
  const std::string cut = terminal_text(status, screen.width - kKeys.size() - 2);
  std::string line = fmt::format("{}{:>{}}", kKeys, cut, screen.width - kKeys.size());
  return screen.colour ? "\x1b[2m" + line + "\x1b[0m" : line;
}

/// At most `width` characters, with the colours among them; pages have a width that they need.
std::string cut(const std::string& line, size_t width) {
  size_t columns = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b') {
      i = line.find('m', i);
      if (i == std::string::npos) break;
    } else if ((static_cast<unsigned char>(line[i]) & 0xC0U) != 0x80U && ++columns > width) {
      return line.substr(0, i) + "\x1b[0m";
    }
  }
  return line;
}

}  // namespace

TopPage page_after(TopPage page, char key) {
  switch (key) {
    case '\t':
      return static_cast<TopPage>((static_cast<size_t>(page) + 1) % kPages.size());
    case '1':
    case 'r':
    case 'R':
      return TopPage::kRequests;
    case '2':
      return TopPage::kHost;
    case '3':
    case 'h':
    case 'H':
      return TopPage::kHealth;
    default:
      return page;
  }
}

size_t room_of(const PageStyle& screen) { return screen.height > 3 ? screen.height - 3 : 1; }

std::string top_screen(TopPage page, std::string_view address, std::vector<std::string> lines,
                       std::string_view status, const PageStyle& screen) {
  const size_t room = room_of(screen);
  if (lines.size() > room) {
    const size_t left_out = lines.size() - room + 1;
    lines.resize(room);
    lines.back() = terminal_text(fmt::format("... {} more lines", left_out), screen.width);
  }
  lines.resize(room);
  std::vector<std::string> rows;
  if (screen.height > 2) rows.push_back(title(page, address, screen));
  if (screen.height > 3) rows.emplace_back();
  for (const std::string& line : lines) rows.push_back(cut(line, screen.width));
  if (screen.height > 1) rows.push_back(footer(status, screen));
  // Cleared before it is written: behind a full row the cursor still stands on its last character.
  std::string out = "\x1b[H";
  for (size_t i = 0; i < rows.size(); ++i) out += (i == 0 ? kClear : "\n" + kClear) + rows[i];
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace hostlens::agent
