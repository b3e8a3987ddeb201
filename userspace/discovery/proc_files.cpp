// SPDX-License-Identifier: Apache-2.0
#include "discovery/proc_files.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "base/utf8.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kMaxArguments = 256;

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::string_view next_word(std::string_view& text, std::string_view blanks = " \n") {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

std::optional<ProcessStat> parse_stat(std::string_view text) {
  // comm may hold blanks and parentheses: it ends at the last one.
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  ProcessStat stat;
  stat.comm = clean_text(text.substr(open + 1, close - open - 1), 64);
  std::string_view rest = text.substr(close + 1);
  const std::string_view state = next_word(rest);
  const auto parent = parse_number<uint32_t>(next_word(rest));
  if (state.size() != 1 || !parent) return std::nullopt;
  stat.state = state[0];
  stat.parent_pid = *parent;
  for (int field = 5; field < 22; ++field) next_word(rest);
  const auto start = parse_number<uint64_t>(next_word(rest));
  if (!start) return std::nullopt;
  stat.start_ticks = *start;
  return stat;
}

std::vector<std::string> parse_command_line(std::string_view bytes) {
  bytes = bytes.substr(0, kMaxCommandLineBytes);
  std::vector<std::string> arguments;
  while (!bytes.empty() && arguments.size() < kMaxArguments) {
    const std::string_view argument = bytes.substr(0, bytes.find('\0'));
    arguments.emplace_back(argument);
    bytes.remove_prefix(std::min(argument.size() + 1, bytes.size()));
  }
  // setproctitle pads what it overwrote with NULs.
  while (!arguments.empty() && arguments.back().empty()) arguments.pop_back();
  return arguments;
}

std::optional<std::string_view> find_variable(std::string_view environment, std::string_view name) {
  environment = environment.substr(0, kMaxEnvironBytes);
  while (!environment.empty()) {
    const std::string_view entry = environment.substr(0, environment.find('\0'));
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
    environment.remove_prefix(std::min(entry.size() + 1, environment.size()));
  }
  return std::nullopt;
}

std::optional<uint32_t> parse_effective_uid(std::string_view status) {
  status = status.substr(0, kMaxStatBytes);
  size_t at = status.find("\nUid:");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = status.substr(at + 5);
  rest = rest.substr(0, rest.find('\n'));
  next_word(rest, " \t");
  return parse_number<uint32_t>(next_word(rest, " \t"));
}

std::string read_bounded(int fd, size_t limit) {
  std::string bytes;
  std::array<char, 4096> block;
  while (bytes.size() < limit) {
    const size_t wanted = std::min(block.size(), limit - bytes.size());
    const ssize_t got = ::pread(fd, block.data(), wanted, static_cast<off_t>(bytes.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    bytes.append(block.data(), static_cast<size_t>(got));
  }
  return bytes;
}

std::string clean_text(std::string_view bytes, size_t limit) {
  std::string text;
  text.reserve(std::min(bytes.size(), limit));
  while (!bytes.empty()) {
    const size_t length = base::utf8_length(bytes);
    const auto lead = static_cast<uint8_t>(bytes[0]);
    const bool keep = length > 0 && lead >= 0x20 && lead != 0x7F;
    const size_t taken = std::max<size_t>(length, 1);
    if (text.size() + (keep ? taken : 1) > limit) break;
    if (keep) {
      text.append(bytes.substr(0, taken));
    } else {
      text.push_back('?');
    }
    bytes.remove_prefix(taken);
  }
  return text;
}

}  // namespace hostlens::discovery
