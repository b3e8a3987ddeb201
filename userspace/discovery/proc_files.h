// SPDX-License-Identifier: Apache-2.0
// Parsers of the small files under /proc/PID. Their bytes are chosen by the observed process or its
// owner (comm, argv, environment, cgroup names): every parser takes any bytes and stays bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hostlens::discovery {

/// Most that is read of one file; what is behind is not looked at.
inline constexpr size_t kMaxEnvironBytes = 64 * 1024;
inline constexpr size_t kMaxCommandLineBytes = 16 * 1024;
inline constexpr size_t kMaxCgroupBytes = 16 * 1024;
inline constexpr size_t kMaxStatBytes = 4 * 1024;

/// /proc/PID/stat, proc(5).
struct ProcessStat {
  std::string comm;
  char state = '?';  ///< 'Z' and 'X' are dead
  uint32_t parent_pid = 0;
  uint64_t start_ticks = 0;
};
[[nodiscard]] std::optional<ProcessStat> parse_stat(std::string_view text);

/// /proc/PID/cmdline: NUL-terminated arguments, at most 256. A process that wrote over its own
/// arguments (setproctitle) gives one argument with blanks in it.
[[nodiscard]] std::vector<std::string> parse_command_line(std::string_view bytes);

/// Value of NAME in /proc/PID/environ; the first one wins, as with getenv(3). Views into
/// `environment`.
[[nodiscard]] std::optional<std::string_view> find_variable(std::string_view environment,
                                                            std::string_view name);

/// Effective user id from /proc/PID/status ("Uid:" real effective saved filesystem).
[[nodiscard]] std::optional<uint32_t> parse_effective_uid(std::string_view status);

/// Reads at most `limit` bytes from the descriptor's start; "" when nothing can be read.
[[nodiscard]] std::string read_bounded(int fd, size_t limit);

/// Valid UTF-8 of at most `limit` bytes: bad sequences and control characters become '?'. For every
/// text of another process that leaves this host (protobuf strings must be UTF-8).
[[nodiscard]] std::string clean_text(std::string_view bytes, size_t limit = 256);

}  // namespace hostlens::discovery
