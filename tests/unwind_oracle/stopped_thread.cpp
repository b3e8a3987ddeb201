// SPDX-License-Identifier: Apache-2.0
#include "unwind_oracle/stopped_thread.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace hostlens::tests {
namespace {

/// The letter of /proc/PID/stat; 0: it has ended.
char state_of(const std::filesystem::path& thread) {
  std::ifstream file(thread / "stat");
  std::string stat;
  std::getline(file, stat);
  const size_t end = stat.rfind(") ");
  return end == std::string::npos || end + 2 >= stat.size() ? '\0' : stat[end + 2];
}

}  // namespace

std::optional<StoppedThread> StoppedThread::stop(pid_t tid) {
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) return std::nullopt;
  if (::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) != 0) return std::nullopt;
  int status = 0;
  while (::waitpid(tid, &status, __WALL) < 0) {
    if (errno != EINTR) return std::nullopt;
  }
  if (!WIFSTOPPED(status)) return std::nullopt;
  const bool is_event = status >> 16 != 0;  // PTRACE_EVENT_STOP of ptrace(2)
  return StoppedThread(tid, is_event ? 0 : WSTOPSIG(status));
}

void StoppedThread::go_on() {
  if (tid_ != 0) ::ptrace(PTRACE_DETACH, tid_, nullptr, static_cast<intptr_t>(signal_));
  tid_ = 0;
}

std::vector<ThreadId> threads_below(pid_t pid) {
  std::vector<ThreadId> threads;
  std::vector<pid_t> processes{pid};
  for (size_t next = 0; next < processes.size(); ++next) {
    const std::string folder = "/proc/" + std::to_string(processes[next]) + "/task";
    std::error_code ignored;
    for (const auto& thread : std::filesystem::directory_iterator(folder, ignored)) {
      const char state = state_of(thread.path());
      if (state != '\0' && state != 'Z' && state != 'X') {
        threads.push_back({processes[next], static_cast<pid_t>(std::stol(thread.path().filename())),
                           state == 'R'});
      }
      std::ifstream children(thread.path() / "children");
      for (pid_t child = 0; children >> child;) processes.push_back(child);
    }
  }
  return threads;
}

}  // namespace hostlens::tests
