// SPDX-License-Identifier: Apache-2.0
// What the probes of kernel signals counted, for tests that cause the events themselves.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "bpf/observed.h"
#include "probes/kernel_probes.h"
#include "probes/signal_tables.h"

namespace hostlens::testing {

struct Counted {
  signal_key key{};
  model::SignalDistribution distribution;
  uint64_t count = 0;  ///< of a distribution: how many values

  [[nodiscard]] uint32_t pid() const {
    return (key.owner & SIGNAL_OWNER_PROCESS) == 0
               ? 0
               : static_cast<uint32_t>(key.owner & ((1U << SIGNAL_OWNER_PID_BITS) - 1));
  }
};

class KernelSignals {
 public:
  static std::unique_ptr<KernelSignals> open(std::string& why_not) {
    std::unique_ptr<KernelSignals> signals(new KernelSignals);
    probes::SocketProbeSettings settings;
    settings.shared = &signals->probes_->maps();
    auto observed = Observed::open(settings);
    if (!observed) {
      why_not = observed.error().text();
      return nullptr;
    }
    signals->observed_ = *std::move(observed);
    auto tables = probes::SignalTables::open(signals->descriptors());
    if (!tables) {
      why_not = tables.error().text();
      for (const auto& hook : signals->report_.hooks) why_not += "; " + hook.hook + hook.reason;
      return nullptr;
    }
    signals->tables_ = std::make_unique<probes::SignalTables>(*std::move(tables));
    return signals;
  }

  /// Everything since the last call.
  void read() {
    ASSERT_TRUE(tables_->turn());
    ::usleep(2000);  // see SignalTables::take
    counted_.clear();
    const auto taken = tables_->take(
        [&](const signal_key& key, const model::SignalDistribution& distribution) {
          const auto& slots = distribution.slots;
          counted_.push_back(
              {key, distribution, std::accumulate(slots.begin(), slots.end(), uint64_t{0})});
        },
        [&](const signal_key& key, uint64_t count) {
          counted_.push_back({key, {}, count});
        });
    ASSERT_TRUE(taken) << taken.error().text();
  }

  /// Of what was read last.
  [[nodiscard]] std::vector<Counted> of(uint32_t pid, kernel_signal signal) const {
    std::vector<Counted> found;
    for (const Counted& counted : counted_) {
      if (counted.pid() == pid && counted.key.signal == signal) found.push_back(counted);
    }
    return found;
  }
  [[nodiscard]] const std::vector<Counted>& all() const { return counted_; }
  [[nodiscard]] uint64_t sum(uint32_t pid, kernel_signal signal) const {
    uint64_t sum = 0;
    for (const Counted& counted : of(pid, signal)) sum += counted.distribution.sum;
    return sum;
  }
  [[nodiscard]] kernel::TargetTable targets() { return observed_->probe().targets(); }
  [[nodiscard]] const kernel::AttachReport& report() const { return report_; }
  [[nodiscard]] Observed& socket() { return *observed_; }
  [[nodiscard]] const probes::KernelProbes& probes() const { return *probes_; }
  /// Which hooks of a probe are not there, and why; "" when all are.
  [[nodiscard]] std::string refusals(const std::string& probe) const {
    std::string text;
    for (const kernel::HookReport& hook : report_.hooks) {
      if (hook.probe == probe && !hook.attached) text += hook.hook + ": " + hook.reason + "; ";
    }
    return text;
  }
  [[nodiscard]] probes::SignalTables& tables() { return *tables_; }

  /// Runs `body` in a child that is a target from its first line on, and waits for it.
  template <typename Body>
  uint32_t run_target(Body body) {
    int gate[2];
    EXPECT_EQ(::pipe(gate), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(gate[1]);
      char go = 0;
      if (::read(gate[0], &go, 1) == 1) body();
      ::_exit(0);
    }
    ::close(gate[0]);
    EXPECT_TRUE(waits(child));
    EXPECT_TRUE(targets().set_process(static_cast<uint32_t>(child), true));
    EXPECT_EQ(::write(gate[1], "g", 1), 1);
    ::close(gate[1]);
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    return static_cast<uint32_t>(child);
  }

 private:
  /// Until it sleeps at its gate, so that its read begins before it is a target.
  static bool waits(pid_t child) {
    const std::string path = "/proc/" + std::to_string(child) + "/stat";
    const uint64_t end_ns = base::monotonic_now_ns() + 20'000'000'000;
    while (base::monotonic_now_ns() < end_ns) {
      std::ifstream file(path);
      std::string stat;
      std::getline(file, stat);
      const size_t name_end = stat.rfind(')');
      if (name_end != std::string::npos && stat.compare(name_end, 4, ") S ") == 0) return true;
      ::sched_yield();
    }
    return false;
  }

  KernelSignals() : probes_(probes::KernelProbes::attach(report_)) {}

  [[nodiscard]] probes::SignalTables::Owned descriptors() const {
    const auto own = [](int fd) { return base::UniqueFd(::dup(fd)); };
    const probes::SignalTableFds fds = probes_->tables();
    return {own(fds.control),
            {own(fds.distributions[0]), own(fds.distributions[1])},
            {own(fds.counts[0]), own(fds.counts[1])},
            own(fds.books),
            {}};
  }

  kernel::AttachReport report_;
  std::unique_ptr<probes::KernelProbes> probes_;
  std::unique_ptr<Observed> observed_;
  std::unique_ptr<probes::SignalTables> tables_;
  std::vector<Counted> counted_;
};

}  // namespace hostlens::testing
