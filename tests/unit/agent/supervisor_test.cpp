// SPDX-License-Identifier: Apache-2.0
// Life and death of workers: real processes, a fake capture, a script in place of the pipeline.
#include "agent/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <csignal>

#include "agent/exit_codes.h"
#include "base/clock.h"

namespace hostlens::agent {
namespace {

class NoHost final : public kernel::HostAccess {
 public:
  base::Result<base::UniqueFd> open_process_file(model::ProcessKey, kernel::ProcessFile) override {
    return base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  base::Result<void> set_target(model::ProcessKey, bool) override { return {}; }
  base::Result<void> set_target_cgroup(uint64_t, bool) override { return {}; }
};

class FakeCapture final : public Capture {
 public:
  [[nodiscard]] int control_ring_fd() const override { return null_.get(); }
  [[nodiscard]] int data_ring_fd() const override { return null_.get(); }
  [[nodiscard]] int counters_fd() const override { return null_.get(); }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] std::string report_json() const override { return "{}"; }

 private:
  base::UniqueFd null_{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  NoHost host_;
};

class CountingNotifier final : public ServiceNotifier {
 public:
  void ready(const std::string&) override { ++readies; }
  void status(const std::string&) override {}
  void reloading() override { ++reloads; }
  void stopping() override { ++stops; }
  void alive() override { ++alives; }
  int readies = 0;
  int reloads = 0;
  int stops = 0;
  int alives = 0;
};

/// Runs a script in a forked child instead of this program once more.
class ScriptLauncher final : public WorkerLauncher {
 public:
  using Script = std::function<int(Channel&, int run)>;
  explicit ScriptLauncher(Script script) : script_(std::move(script)) {}

  base::Result<StartedProcess> launch(const Channel& workers_end) override {
    ++runs;
    const pid_t pid = ::fork();
    if (pid == 0) {
      Channel channel(base::UniqueFd(::dup(workers_end.fd())));
      ::_exit(script_(channel, runs));
    }
    auto pidfd = open_pidfd(pid);
    if (!pidfd) return std::move(pidfd).error();
    return StartedProcess{pid, *std::move(pidfd)};
  }
  int runs = 0;

 private:
  Script script_;
};

std::optional<Message> next(Channel& channel, std::vector<base::UniqueFd>* fds = nullptr) {
  auto received = channel.receive(-1);
  if (!received || !*received) return std::nullopt;
  if (fds != nullptr) *fds = std::move((*received)->fds);
  return (*received)->message;
}

/// Greets, then exits with 0 when it is told to stop.
int well_behaved(Channel& channel) {
  const auto hello = next(channel);
  if (!hello || !std::holds_alternative<Hello>(*hello)) return 50;
  if (!channel.send(Ready{})) return 51;
  for (;;) {
    const auto message = next(channel);
    if (!message) return 52;
    if (const auto* reload = std::get_if<Reload>(&*message)) {
      if (!channel.send(Reloaded{reload->generation})) return 53;
    }
    if (std::holds_alternative<Stop>(*message)) return 0;
  }
}

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    settings_.now_ns = [this] {
      return fake_now_ns_ != 0 ? fake_now_ns_ : base::monotonic_now_ns();
    };
  }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }

  /// Runs the loop until the supervisor has ended.
  void run(ScriptLauncher& launcher, std::function<void(Supervisor&)> on_ready) {
    auto supervisor = make(launcher);
    auto started = supervisor->start([&] { on_ready(*supervisor); },
                                     [&](bool in_order) {
                                       in_order_ = in_order;
                                       loop_->stop();
                                     });
    ASSERT_TRUE(started) << started.error().text();
    loop_->run();
  }
  std::unique_ptr<Supervisor> make(ScriptLauncher& launcher) {
    WorkerInputs inputs;
    inputs.settings = "the settings";
    return std::make_unique<Supervisor>(
        Supervisor::Parts{*loop_, capture_, *ledger_, launcher, notifier_}, settings_,
        std::move(inputs));
  }

  std::unique_ptr<EventLoop> loop_ = *EventLoop::create();
  std::unique_ptr<LedgerMemory> ledger_ = *LedgerMemory::create();
  FakeCapture capture_;
  CountingNotifier notifier_;
  SupervisorSettings settings_;
  uint64_t fake_now_ns_ = 0;
  std::optional<bool> in_order_;
};

TEST_F(SupervisorTest, StartsAWorkerAndStopsIt) {
  ScriptLauncher launcher([](Channel& channel, int) { return well_behaved(channel); });
  run(launcher, [](Supervisor& supervisor) { supervisor.stop(); });
  EXPECT_EQ(in_order_, true);
  EXPECT_EQ(launcher.runs, 1);
  EXPECT_EQ(notifier_.stops, 1);
}

TEST_F(SupervisorTest, HelloBringsEverythingAWorkerNeeds) {
  ScriptLauncher launcher([](Channel& channel, int) {
    std::vector<base::UniqueFd> fds;
    const auto message = next(channel, &fds);
    if (!message) return 1;
    const auto* hello = std::get_if<Hello>(&*message);
    if (hello == nullptr || fds.size() != 6 || hello->fds.has(FdSlot::kListen)) return 2;
    const auto settings = read_shared_text(fds[1]);
    if (!settings || *settings != "the settings") return 3;
    auto ledger = LedgerMemory::open(std::move(fds[2]));
    if (!ledger) return 4;
    (*ledger)->ledger().received(base::Stage::kTrack, 42);
    if (!channel.send(Ready{})) return 5;
    return next(channel) ? 0 : 6;
  });
  run(launcher, [](Supervisor& supervisor) { supervisor.stop(); });
  EXPECT_EQ(in_order_, true);
  EXPECT_EQ(ledger_->ledger().received_total(base::Stage::kTrack), 42U);
}

TEST_F(SupervisorTest, AWorkerThatCrashedIsReplacedAndTheLedgerLivesOn) {
  ScriptLauncher launcher([](Channel& channel, int run) {
    if (run > 1) return well_behaved(channel);
    std::vector<base::UniqueFd> fds;
    if (!next(channel, &fds)) return 1;
    auto ledger = LedgerMemory::open(std::move(fds[2]));
    (*ledger)->ledger().received(base::Stage::kTrack, 7);
    if (!channel.send(Ready{})) return 2;
    ::raise(SIGKILL);
    return 0;
  });
  auto supervisor = make(launcher);
  ASSERT_TRUE(supervisor->start([] {},
                                [&](bool in_order) {
                                  in_order_ = in_order;
                                  loop_->stop();
                                }));
  auto poll = loop_->timer([&] {
    if (launcher.runs == 2) supervisor->stop();
  });
  (*poll)->every(5'000'000);
  loop_->run();
  EXPECT_EQ(in_order_, true);
  EXPECT_EQ(launcher.runs, 2);
  EXPECT_EQ(supervisor->restarts(), 1U);
  EXPECT_EQ(ledger_->ledger().held(base::Stage::kTrack), 7);
  EXPECT_EQ(ledger_->ledger().write_off_held(), 7U);
}

TEST_F(SupervisorTest, GivesUpAtOnceWhenTheWorkerCannotUseItsSettings) {
  ScriptLauncher launcher([](Channel&, int) { return kExitUsage; });
  run(launcher, [](Supervisor&) {});
  EXPECT_EQ(in_order_, false);
  EXPECT_EQ(launcher.runs, 1);
}

TEST_F(SupervisorTest, GivesUpOnAWorkerThatNeverBecomesReady) {
  settings_.most_failures_at_start = 2;
  ScriptLauncher launcher([](Channel&, int) { return 1; });
  run(launcher, [](Supervisor&) {});
  EXPECT_EQ(in_order_, false);
  EXPECT_EQ(launcher.runs, 2);
}

TEST_F(SupervisorTest, AWorkerThatDoesNotStopIsKilledAtTheDeadline) {
  settings_.stop_deadline_ns = 20'000'000;
  settings_.stop_margin_ns = 10'000'000;
  ScriptLauncher launcher([](Channel& channel, int) {
    if (!next(channel) || !channel.send(Ready{})) return 1;
    for (;;) ::pause();
    return 0;
  });
  const uint64_t before_ns = base::monotonic_now_ns();
  run(launcher, [](Supervisor& supervisor) { supervisor.stop(); });
  EXPECT_EQ(in_order_, true);
  EXPECT_GE(base::monotonic_now_ns() - before_ns, 30'000'000U);
  EXPECT_LT(base::monotonic_now_ns() - before_ns, 3'000'000'000U);
}

TEST_F(SupervisorTest, AWorkerThatBreaksTheProtocolIsReplaced) {
  ScriptLauncher launcher([](Channel& channel, int run) {
    if (run > 1) return well_behaved(channel);
    if (!next(channel) || !channel.send(Stop{1})) return 1;
    for (;;) ::pause();
    return 0;
  });
  run(launcher, [](Supervisor& supervisor) { supervisor.stop(); });
  EXPECT_EQ(in_order_, true);
  EXPECT_EQ(launcher.runs, 2);
}

TEST_F(SupervisorTest, TheWatchdogIsFedByProgressOnly) {
  ScriptLauncher launcher([](Channel& channel, int) {
    if (!next(channel)) return 1;
    // Moves; waits with records pending; turns idle.
    for (const Heartbeat beat : {Heartbeat{1, 10, 1, 500}, Heartbeat{2, 10, 1, 500},
                                 Heartbeat{2, 11, 1, 500}, Heartbeat{3, 11, 1, 0}}) {
      if (!channel.send(beat)) return 2;
    }
    if (!channel.send(Ready{})) return 3;
    return next(channel) ? 0 : 4;
  });
  run(launcher, [](Supervisor& supervisor) { supervisor.stop(); });
  EXPECT_EQ(notifier_.alives, 2) << "the first and the last";
}

TEST_F(SupervisorTest, AWorkerThatDoesNotMoveIsReplaced) {
  fake_now_ns_ = 1;
  ScriptLauncher launcher([](Channel& channel, int run) {
    if (run > 1) return well_behaved(channel);
    if (!next(channel) || !channel.send(Ready{})) return 1;
    for (;;) ::pause();
    return 0;
  });
  auto supervisor = make(launcher);
  ASSERT_TRUE(supervisor->start([&] { fake_now_ns_ = settings_.hang_ns + 2; },
                                [&](bool) { loop_->stop(); }));
  auto poll = loop_->timer([&] {
    if (launcher.runs == 2) supervisor->stop();
  });
  (*poll)->every(5'000'000);
  loop_->run();
  EXPECT_EQ(launcher.runs, 2);
}

TEST_F(SupervisorTest, AReloadReachesTheWorkerAndItsSuccessor) {
  ScriptLauncher launcher([](Channel& channel, int run) {
    std::vector<base::UniqueFd> fds;
    if (!next(channel, &fds)) return 1;
    if (run == 2) {
      const auto text = read_shared_text(fds[1]);
      if (!text || *text != "new") return 2;
      return well_behaved(channel) == 50 ? 0 : 3;  // no second hello comes; Stop ends it
    }
    if (!channel.send(Ready{})) return 4;
    const auto message = next(channel, &fds);
    const auto text = read_shared_text(fds[0]);
    if (!message || !std::holds_alternative<Reload>(*message) || *text != "new") return 5;
    if (!channel.send(Reloaded{1})) return 6;
    return 7;  // dies right after
  });
  auto supervisor = make(launcher);
  ASSERT_TRUE(supervisor->start(
      [&] {
        WorkerInputs inputs;
        inputs.settings = "new";
        supervisor->reload(std::move(inputs));
      },
      [&](bool) { loop_->stop(); }));
  auto poll = loop_->timer([&] {
    if (launcher.runs == 2) supervisor->stop();
  });
  (*poll)->every(5'000'000);
  loop_->run();
  EXPECT_EQ(launcher.runs, 2);
  EXPECT_EQ(notifier_.reloads, 1);
  EXPECT_EQ(notifier_.readies, 1);
}

TEST(BackoffTest, DoublesUpToALimitAndForgetsAfterAHealthyRun) {
  Backoff backoff;
  EXPECT_EQ(backoff.next_delay_ns(0), 100'000'000U);
  EXPECT_EQ(backoff.next_delay_ns(0), 200'000'000U);
  EXPECT_EQ(backoff.next_delay_ns(0), 400'000'000U);
  for (int i = 0; i < 100; ++i) (void)backoff.next_delay_ns(0);
  EXPECT_EQ(backoff.next_delay_ns(0), Backoff::kLongestNs);
  EXPECT_EQ(backoff.next_delay_ns(Backoff::kHealthyNs), 100'000'000U);
}

}  // namespace
}  // namespace hostlens::agent
