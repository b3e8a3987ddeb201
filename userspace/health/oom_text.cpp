// SPDX-License-Identifier: Apache-2.0
#include "health/oom_text.h"

#include <spdlog/fmt/fmt.h>

#include "base/utf8.h"
#include "health/words.h"

namespace hostlens::health {
namespace {

/// A name, without what would end the line or drive a terminal, and the number.
std::string process(std::string_view name, uint32_t pid) {
  std::string text;
  base::assign_utf8(text, name);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text.empty() ? fmt::format("process {}", pid) : fmt::format("{} ({})", text, pid);
}

}  // namespace

std::string oom_text(const model::OomKill& kill) {
  std::string text = process(kill.victim, kill.victim_pid);
  const uint64_t resident = kill.anonymous_bytes + kill.file_bytes + kill.shared_bytes;
  if (resident > 0) {
    text +=
        fmt::format(" with {} resident, {} of it anonymous", bytes(static_cast<double>(resident)),
                    bytes(static_cast<double>(kill.anonymous_bytes)));
  }
  if (kill.limit_bytes > 0) {
    std::string cgroup;
    base::assign_utf8(cgroup, kill.cgroup);
    text += fmt::format("; cgroup {} used {} of {}", cgroup.empty() ? "/" : cgroup,
                        bytes(static_cast<double>(kill.used_bytes)),
                        bytes(static_cast<double>(kill.limit_bytes)));
  } else if (resident > 0) {
    text += "; no cgroup was full, the host was";
  }
  if (kill.asker_pid != 0 && kill.asker_pid != kill.victim_pid) {
    text += "; " + process(kill.asker, kill.asker_pid) + " asked for memory";
  }
  return text;
}

}  // namespace hostlens::health
