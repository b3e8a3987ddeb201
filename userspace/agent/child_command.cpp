// SPDX-License-Identifier: Apache-2.0
#include "agent/child_command.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "agent/exit_codes.h"
#include "agent/worker_launcher.h"
#include "base/open_files.h"

namespace hostlens::agent {
namespace {

using base::errno_error;
using base::Result;
using base::UniqueFd;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

[[noreturn]] void wait_and_execute(char* const* arguments, uint64_t open_files, const Pipe& gate,
                                   const Pipe& failure) {
  ::close(gate.write.get());  // so that our end is an end of file here
  base::set_open_files_limit(open_files);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  // Signals stay blocked while it waits: what comes early is delivered to the command itself.
  char go = 0;
  ssize_t count = 0;
  do {
    count = ::read(gate.read.get(), &go, 1);
  } while (count < 0 && errno == EINTR);
  if (count != 1) ::_exit(kExitFailure);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(arguments[0], arguments);
  const int error = errno;
  (void)!::write(failure.write.get(), &error, sizeof(error));
  ::_exit(exit_code_of_failed_exec(error));
}

}  // namespace

int exit_code_of_failed_exec(int errno_value) {
  return errno_value == ENOENT || errno_value == ENOTDIR ? kExitNotFound : kExitCannotExecute;
}

ChildCommand::ChildCommand(std::string name, pid_t pid, UniqueFd pidfd, UniqueFd gate,
                           UniqueFd failure)
    : name_(std::move(name)),
      pid_(pid),
      pidfd_(std::move(pidfd)),
      gate_(std::move(gate)),
      failure_(std::move(failure)) {}

ChildCommand::~ChildCommand() {
  if (released_ || exit_code_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<std::unique_ptr<ChildCommand>> ChildCommand::start_held(std::vector<std::string> arguments,
                                                               uint64_t open_files) {
  if (arguments.empty()) return base::invalid_error("no command given");
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  auto gate = make_pipe();
  auto failure = make_pipe();
  if (!gate) return std::move(gate).error();
  if (!failure) return std::move(failure).error();
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork");
  if (pid == 0) wait_and_execute(raw.data(), open_files, *gate, *failure);
  auto pidfd = open_pidfd(pid);
  if (!pidfd) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::move(pidfd).error();
  }
  return std::unique_ptr<ChildCommand>(new ChildCommand(std::move(arguments.front()), pid,
                                                        *std::move(pidfd), std::move(gate->write),
                                                        std::move(failure->read)));
}

Result<void> ChildCommand::release() {
  const char go = 1;
  if (::write(gate_.get(), &go, 1) != 1) return errno_error(name_);
  gate_.reset();
  released_ = true;
  int error = 0;
  ssize_t count = 0;
  do {
    count = ::read(failure_.get(), &error, sizeof(error));
  } while (count < 0 && errno == EINTR);
  failure_.reset();
  if (count == sizeof(error)) return errno_error(name_, error);
  return {};
}

void ChildCommand::forward(int signal_number, bool from_terminal) const {
  if (exit_code_) return;
  if (from_terminal && ::getpgid(pid_) == ::getpgrp()) return;
  ::kill(pid_, signal_number);
}

void ChildCommand::kill_now() const {
  if (!exit_code_) ::kill(pid_, SIGKILL);
}

std::optional<int> ChildCommand::exit_code() {
  if (exit_code_) return exit_code_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  exit_code_ = WIFSIGNALED(status) ? kExitSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
  return exit_code_;
}

}  // namespace hostlens::agent
