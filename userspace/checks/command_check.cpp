// SPDX-License-Identifier: Apache-2.0
// command: a program of the operator's, which passes when it exits with 0.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/unique_fd.h"
#include "checks/builtin_checks.h"
#include "checks/resolve.h"

namespace hostlens::checks {
namespace {

using base::UniqueFd;
using model::CheckResult;

constexpr size_t kMostOutput = 1024;

/// Settings of a spawn that the library wants destroyed.
struct SpawnSettings {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

/// A group of processes that does not outlive its owner.
class Group {
 public:
  explicit Group(pid_t leader)
      : leader_(leader), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, leader, 0))) {}
  ~Group() {
    if (!reaped_) (void)end();
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// Kills what is left of it and takes the leader's status. In this order: while the leader is not
  /// reaped its number is nobody else's.
  [[nodiscard]] int end() {
    ::kill(-leader_, SIGKILL);
    return reap();
  }

 private:
  int reap() {
    int status = 0;
    while (::waitpid(leader_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return status;
  }
  pid_t leader_;
  UniqueFd pidfd_;
  bool reaped_ = false;
};

/// What a command printed, as one line for people.
std::string as_line(const std::string& output) {
  std::string line = output.substr(0, kMostOutput);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  line.erase(line.find_last_not_of(' ') + 1);
  line.erase(0, line.find_first_not_of(' '));
  return line;
}

class CommandCheck final : public Check {
 public:
  explicit CommandCheck(std::vector<std::string> command) : command_(std::move(command)) {}

  CheckResult run(const Deadline& deadline) noexcept override {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed_with_errno("pipe", errno);
    UniqueFd output(ends[0]);
    UniqueFd input(ends[1]);
    pid_t pid = -1;
    if (const int error = spawn(input.get(), pid); error != 0) {
      return failed_with_errno(command_[0], error);
    }
    Group group(pid);
    input.reset();
    ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
    std::string printed;
    const bool ended = follow(group, output.get(), deadline, printed);
    if (!ended) return failed("timeout", "still running; its output: " + as_line(printed));
    const int status = group.end();
    drain(output.get(), printed);
    const std::string line = as_line(printed);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return passed(line);
    if (WIFEXITED(status)) {
      const std::string code = std::to_string(WEXITSTATUS(status));
      return failed("exit_" + code, "exit status " + code + ": " + line);
    }
    const char* const name = ::sigabbrev_np(WTERMSIG(status));
    const std::string signal = std::string("SIG") + (name != nullptr ? name : "?");
    return failed(signal, "ended by " + signal + ": " + line);
  }

 private:
  /// No shell, a group of its own, no descriptor but the three, none of our environment, which may
  /// hold the secrets of an exporter.
  int spawn(int output, pid_t& pid) const {
    SpawnSettings settings;
    ::posix_spawn_file_actions_addopen(&settings.files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&settings.files, output, 1);
    ::posix_spawn_file_actions_adddup2(&settings.files, output, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&settings.files, 3);
    ::posix_spawn_file_actions_addchdir_np(&settings.files, "/");
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&settings.attributes, &none);
    ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
    ::posix_spawnattr_setpgroup(&settings.attributes, 0);
    ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETPGROUP |
                                                         POSIX_SPAWN_SETSIGMASK |
                                                         POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> arguments;
    for (const std::string& word : command_) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const char* const path = ::getenv("PATH");
    std::string given = std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin");
    std::string language = "LANG=C.UTF-8";
    char* environment[] = {given.data(), language.data(), nullptr};
    return ::posix_spawnp(&pid, arguments[0], &settings.files, &settings.attributes,
                          arguments.data(), environment);
  }

  /// Reads until the command itself ends; what it started and left behind is not waited for. False:
  /// it did not end in time.
  static bool follow(const Group& group, int output, const Deadline& deadline,
                     std::string& printed) {
    bool open = true;
    for (;;) {
      const int left_ms = deadline.left_ms();
      if (left_ms == 0) return false;
      pollfd fds[3] = {{group.pidfd(), POLLIN, 0},
                       {open ? output : -1, POLLIN, 0},
                       {deadline.cancel_fd(), POLLIN, 0}};
      const int ready = ::poll(fds, 3, left_ms);
      if (ready < 0 && errno != EINTR) return false;
      if (ready <= 0) continue;
      if (fds[2].revents != 0) return false;
      if (fds[0].revents != 0) return true;
      if (fds[1].revents != 0) open = drain(output, printed);
    }
  }

  /// Once through the pipe, so that who prints without end does not hold us up; false at its end.
  static bool drain(int output, std::string& printed) {
    char block[65536];
    for (int i = 0; i < 4; ++i) {
      const ssize_t size = ::read(output, block, sizeof block);
      if (size == 0) return false;
      if (size < 0) return errno == EAGAIN || errno == EINTR;
      const size_t room = kMostOutput - printed.size();
      printed.append(block, std::min(static_cast<size_t>(size), room));
    }
    return true;
  }

  std::vector<std::string> command_;
};

}  // namespace

std::unique_ptr<Check> make_command_check(const CheckSettings& settings, CheckTarget,
                                          const CheckEnvironment&) {
  return std::make_unique<CommandCheck>(settings.command);
}

}  // namespace hostlens::checks
