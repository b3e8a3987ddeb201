// SPDX-License-Identifier: Apache-2.0
#include "agent/signal_source.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace hostlens::agent {

struct SignalSource::Previous {
  sigset_t mask;
};

SignalSource::SignalSource(base::UniqueFd fd, std::unique_ptr<Previous> previous)
    : fd_(std::move(fd)), previous_(std::move(previous)) {}

base::Result<std::unique_ptr<SignalSource>> SignalSource::create(
    std::initializer_list<int> numbers) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int number : numbers) ::sigaddset(&wanted, number);
  auto previous = std::make_unique<Previous>();
  if (::sigprocmask(SIG_BLOCK, &wanted, &previous->mask) != 0) {
    return base::errno_error("block signals");
  }
  base::UniqueFd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    const base::Error error = base::errno_error("signalfd");
    ::sigprocmask(SIG_SETMASK, &previous->mask, nullptr);
    return error;
  }
  return std::unique_ptr<SignalSource>(new SignalSource(std::move(fd), std::move(previous)));
}

SignalSource::~SignalSource() { ::sigprocmask(SIG_SETMASK, &previous_->mask, nullptr); }

ReceivedSignal SignalSource::next() const {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return {};
  return {static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

}  // namespace hostlens::agent
