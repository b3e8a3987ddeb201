// SPDX-License-Identifier: Apache-2.0
// Parsers of the numbers under /proc/PID (proc(5)). Any bytes may come: comm is the process's own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hostlens::scrapers {

/// /proc/PID/stat. Times of the whole process, ended threads and not children included.
struct ProcessStat {
  std::string_view comm;  ///< raw, a view of the text
  char state = '?';
  uint64_t minor_faults = 0, major_faults = 0;
  uint64_t user_ticks = 0, system_ticks = 0;
  uint64_t threads = 0;
  uint64_t start_ticks = 0;  ///< since boot
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
  bool is_kernel_thread = false;
};
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// process.state of the conventions by the kernel's letter; "uninterruptible" (D) is ours, since it
/// is what a stuck disk makes of processes.
[[nodiscard]] std::string_view process_state(char letter);

/// /proc/PID/status, bytes. Kernel threads have no memory: absent. Switches are those of the main
/// thread alone; of any one thread in /proc/PID/task/TID/status.
struct ProcessStatus {
  std::optional<uint64_t> resident, resident_anonymous, resident_file, resident_shared,
      virtual_size;
  std::optional<uint64_t> voluntary_switches, involuntary_switches;
};
[[nodiscard]] ProcessStatus parse_process_status(std::string_view text);

/// /proc/PID/io: bytes that went to and came from block devices.
struct ProcessIo {
  uint64_t read_bytes = 0, written_bytes = 0;
};
[[nodiscard]] std::optional<ProcessIo> parse_process_io(std::string_view text);

/// /proc/PID/limits, soft. UINT64_MAX: unlimited.
struct ProcessLimits {
  std::optional<uint64_t> open_files, threads_of_user;
};
[[nodiscard]] ProcessLimits parse_process_limits(std::string_view text);

}  // namespace hostlens::scrapers
