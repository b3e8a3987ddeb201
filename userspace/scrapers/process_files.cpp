// SPDX-License-Identifier: Apache-2.0
#include "scrapers/process_files.h"

#include <array>

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

constexpr uint64_t kMostKibibytes = UINT64_MAX / 1024;

std::optional<uint64_t> soft_limit(std::string_view line) {
  const std::string_view word = next_word(line);
  return word == "unlimited" ? std::optional<uint64_t>(UINT64_MAX) : to_number(word);
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // comm may hold blanks, parentheses and newlines: it ends at the last one.
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  ProcessStat stat;
  stat.comm = text.substr(open + 1, close - open - 1);
  std::string_view rest = text.substr(close + 1);
  auto line = next_line(rest);
  if (!line) return std::nullopt;
  const std::string_view state = next_word(*line);
  if (state.size() != 1) return std::nullopt;
  stat.state = state[0];
  // Fields 4 to 24, by their numbers in proc(5).
  std::array<uint64_t, 25> field{};
  for (size_t i = 4; i < field.size(); ++i) {
    const std::string_view word = next_word(*line);
    if (word.empty()) return std::nullopt;
    if (word[0] == '-') continue;  // terminal, priority: not ours
    const auto number = to_number(word);
    if (!number) return std::nullopt;
    field[i] = *number;
  }
  constexpr uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD
  stat.is_kernel_thread = (field[9] & kKernelThread) != 0;
  stat.minor_faults = field[10];
  stat.major_faults = field[12];
  stat.user_ticks = field[14];
  stat.system_ticks = field[15];
  stat.threads = field[20];
  stat.start_ticks = field[22];
  stat.virtual_bytes = field[23];
  stat.resident_pages = field[24];
  return stat;
}

std::string_view process_state(char letter) {
  switch (letter) {
    case 'R':
      return "running";
    case 'S':
    case 'I':
    case 'P':
      return "sleeping";
    case 'D':
    case 'K':
    case 'W':
      return "uninterruptible";
    case 'T':
    case 't':
      return "stopped";
    case 'Z':
    case 'X':
    case 'x':
      return "defunct";
    default:
      return "unknown";
  }
}

ProcessStatus parse_process_status(std::string_view text) {
  struct Field {
    std::string_view key;
    std::optional<uint64_t> ProcessStatus::*member;
    bool kibibytes;
  };
  constexpr std::array<Field, 7> kFields = {
      {{"VmSize:", &ProcessStatus::virtual_size, true},
       {"VmRSS:", &ProcessStatus::resident, true},
       {"RssAnon:", &ProcessStatus::resident_anonymous, true},
       {"RssFile:", &ProcessStatus::resident_file, true},
       {"RssShmem:", &ProcessStatus::resident_shared, true},
       {"voluntary_ctxt_switches:", &ProcessStatus::voluntary_switches, false},
       {"nonvoluntary_ctxt_switches:", &ProcessStatus::involuntary_switches, false}}};
  ProcessStatus status;
  while (auto line = next_line(text)) {
    if (line->empty() || (line->front() != 'V' && line->front() != 'R' && line->front() != 'v' &&
                          line->front() != 'n')) {
      continue;
    }
    const std::string_view key = next_word(*line);
    for (const Field& field : kFields) {
      if (field.key != key) continue;
      const auto number = next_number(*line);
      if (!number || (field.kibibytes && *number > kMostKibibytes)) continue;
      status.*field.member = field.kibibytes ? *number * 1024 : *number;
    }
  }
  return status;
}

std::optional<ProcessIo> parse_process_io(std::string_view text) {
  const auto read = number_of(text, "read_bytes");
  const auto written = number_of(text, "write_bytes");
  if (!read || !written) return std::nullopt;
  return ProcessIo{*read, *written};
}

ProcessLimits parse_process_limits(std::string_view text) {
  constexpr std::string_view kFiles = "Max open files ";
  constexpr std::string_view kProcesses = "Max processes ";
  ProcessLimits limits;
  while (const auto line = next_line(text)) {
    if (line->starts_with(kFiles)) limits.open_files = soft_limit(line->substr(kFiles.size()));
    if (line->starts_with(kProcesses)) {
      limits.threads_of_user = soft_limit(line->substr(kProcesses.size()));
    }
  }
  return limits;
}

}  // namespace hostlens::scrapers
