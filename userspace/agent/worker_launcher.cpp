// SPDX-License-Identifier: Apache-2.0
#include "agent/worker_launcher.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>
#include <vector>

#include "agent/confinement.h"

namespace hostlens::agent {
namespace {

using base::errno_error;
using base::Error;
using base::Result;
using base::UniqueFd;

/// What the worker may see of our environment: nothing that could steer a loader or a library into
/// files, except where TLS roots and proxies are (libcurl).
constexpr std::array<std::string_view, 14> kKept = {
    "OTEL_",           "NO_COLOR=",
    "TERM=",           "TZ=",
    "LANG=",           "http_proxy=",
    "https_proxy=",    "HTTPS_PROXY=",
    "no_proxy=",       "NO_PROXY=",
    "SSL_CERT_",       "HOSTLENS_LOG=",
    "JOURNAL_STREAM=", "DBUS_SYSTEM_BUS_ADDRESS=unix:path="};

std::vector<char*> filtered_environment() {
  std::vector<char*> kept;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto fits = [&](std::string_view prefix) { return text.starts_with(prefix); };
    if (std::any_of(kKept.begin(), kKept.end(), fits)) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

Result<Identity> find_identity(const std::string& user) {
  Identity identity{::getuid(), ::getgid(), false};
  if (::geteuid() != 0) return identity;
  for (const std::string& name : {user, std::string("nobody")}) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> buffer{};
    ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr && entry.pw_uid != 0) return Identity{entry.pw_uid, entry.pw_gid, true};
  }
  return Error{Error::Kind::kNotFound, 0, "no unprivileged user for the worker: " + user,
               "create the user or set `user`"};
}

/// What failed in the child between fork and exec, over a close-on-exec pipe.
struct ChildFailure {
  int errno_value = 0;
  std::array<char, 60> step{};
};

[[noreturn]] void fail_child(int report_fd, const char* step) {
  ChildFailure failure{errno, {}};
  std::strncpy(failure.step.data(), step, failure.step.size() - 1);
  (void)!::write(report_fd, &failure, sizeof(failure));
  ::_exit(1);
}

/// A session of its own is a scheduling group of its own (sched(7), "The autogroup feature"), and
/// one task that sleeps most of the time was starved in it on saturated CPUs: measured on
/// Linux 6.18 with two CPUs at 40,000 requests per second, it waited for 5.8 of 6 s and nine of ten
/// records found the ring full; with the group favoured none did. Best effort: needs CAP_SYS_NICE
/// or RLIMIT_NICE, and is no matter where a service manager puts us into a CPU cgroup.
void favour_session_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/autogroup";
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd) (void)!::write(fd.get(), "-20", 3);
}

struct ChildPlan {
  Identity identity;
  pid_t supervisor;
  int channel_fd;
  int report_fd;
  std::vector<char*> environment;
};

[[noreturn]] void become_worker(const ChildPlan& plan) {
  // Above everything that dup2 fills below; close-on-exec tells the parent that exec has happened.
  const int report = ::fcntl(plan.report_fd, F_DUPFD_CLOEXEC, 16);
  const int channel = ::fcntl(plan.channel_fd, F_DUPFD_CLOEXEC, 16);
  if (report < 0 || channel < 0) fail_child(plan.report_fd, "dup");
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0) fail_child(report, "open /dev/null");
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  if (::dup2(channel, kWorkerChannelFd) < 0) fail_child(report, "dup2");
  const auto first = static_cast<unsigned>(kWorkerChannelFd) + 1;
  if (::syscall(SYS_close_range, first, static_cast<unsigned>(report) - 1, 0) != 0 ||
      ::syscall(SYS_close_range, static_cast<unsigned>(report) + 1, ~0U, 0) != 0) {
    fail_child(report, "close_range");
  }
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (const char* step = confine(plan.identity, plan.supervisor)) fail_child(report, step);
  static char name[] = "hostlens";
  static char command[] = "worker";
  static char option[] = "--channel-fd";
  static char number[] = "3";
  char* const arguments[] = {name, command, option, number, nullptr};
  ::execve("/proc/self/exe", arguments, plan.environment.data());
  fail_child(report, "execute /proc/self/exe");
}

}  // namespace

Result<UniqueFd> open_pidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return errno_error("pidfd_open");
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  return fd;
}

Result<StartedProcess> ExecWorkerLauncher::launch(const Channel& workers_end) {
  auto identity = find_identity(user_);
  if (!identity) return std::move(identity).error();
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  const UniqueFd report_read(report[0]);
  UniqueFd report_write(report[1]);
  const ChildPlan plan{*identity, ::getpid(), workers_end.fd(), report_write.get(),
                       filtered_environment()};
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork");
  if (pid == 0) become_worker(plan);
  report_write.reset();
  ChildFailure failure;
  ssize_t size = 0;
  do {
    size = ::read(report_read.get(), &failure, sizeof(failure));
  } while (size < 0 && errno == EINTR);
  if (size == sizeof(failure)) {
    ::waitpid(pid, nullptr, 0);
    failure.step.back() = '\0';
    return errno_error("start the worker: " + std::string(failure.step.data()),
                       failure.errno_value);
  }
  favour_session_of(pid);
  auto pidfd = open_pidfd(pid);
  if (!pidfd) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::move(pidfd).error();
  }
  return StartedProcess{pid, *std::move(pidfd)};
}

}  // namespace hostlens::agent
