// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/process_use.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <utility>

namespace hostlens::agent {

aggregators::AgentSample::ProcessUse process_use(std::string role, pid_t pid) {
  aggregators::AgentSample::ProcessUse use;
  use.role = std::move(role);
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return use;
  const size_t name_end = line.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return use;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  // proc(5): state is field 3; utime and stime are 14 and 15, rss in pages is 24.
  for (int field = 3; field < 14; ++field) fields >> skipped;
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  for (int field = 16; field < 24; ++field) fields >> skipped;
  uint64_t pages = 0;
  if (!(fields >> pages)) return use;
  use.cpu_seconds =
      static_cast<double>(user_ticks + system_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  use.resident_bytes = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return use;
}

}  // namespace hostlens::agent
