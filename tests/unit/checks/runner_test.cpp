// SPDX-License-Identifier: Apache-2.0
#include "checks/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/clock.h"

namespace hostlens::checks {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMs = 1'000'000;

/// What the fake checks of a test share; lives on in their threads.
struct Stage {
  std::atomic<int> running{0}, most{0}, begun{0};
  std::atomic<bool> hang{false};
  std::function<model::CheckResult(const Deadline&)> act;
};

class FakeCheck final : public Check {
 public:
  explicit FakeCheck(std::shared_ptr<Stage> stage) : stage_(std::move(stage)) {}
  model::CheckResult run(const Deadline& deadline) noexcept override {
    ++stage_->begun;
    const int now = ++stage_->running;
    int most = stage_->most;
    while (now > most && !stage_->most.compare_exchange_weak(most, now)) {
    }
    while (stage_->hang) std::this_thread::yield();
    auto result = stage_->act ? stage_->act(deadline) : passed("well");
    --stage_->running;
    return result;
  }

 private:
  std::shared_ptr<Stage> stage_;
};

std::vector<CheckSettings> settings(int count, uint64_t interval_ns, uint64_t timeout_ns) {
  std::vector<CheckSettings> out;
  for (int i = 0; i < count; ++i) {
    CheckSettings& one = out.emplace_back();
    one.name = "c" + std::to_string(i);
    one.interval_ns = interval_ns;
    one.timeout_ns = timeout_ns;
  }
  return out;
}

CheckRunner::Make maker(const std::shared_ptr<Stage>& stage) {
  return [stage](const CheckSettings&, const CheckEnvironment&) {
    return std::make_unique<FakeCheck>(stage);
  };
}

/// Polls what can be observed; false after ten seconds.
bool eventually(const std::function<bool()>& look) {
  const uint64_t end_ns = base::monotonic_now_ns() + 10'000 * kMs;
  while (!look()) {
    if (base::monotonic_now_ns() > end_ns) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(CheckRunnerTest, EachRunsAgainAndAgain) {
  auto stage = std::make_shared<Stage>();
  const CheckRunner runner(settings(3, 20 * kMs, 20 * kMs), 8, {}, maker(stage));
  EXPECT_TRUE(eventually([&] {
    for (const auto& status : runner.statuses()) {
      if (status.runs < 5) return false;
    }
    return true;
  }));
  EXPECT_EQ(runner.statuses()[0].failures, 0U);
  EXPECT_EQ(runner.statuses()[0].last.text, "well");
}

TEST(CheckRunnerTest, NeverMoreThanTheLimitAtOnce) {
  auto stage = std::make_shared<Stage>();
  stage->act = [](const Deadline&) {
    ::poll(nullptr, 0, 5);
    return passed("");
  };
  const CheckRunner runner(settings(20, 10 * kMs, 10'000 * kMs), 3, {}, maker(stage));
  EXPECT_TRUE(eventually([&] { return stage->begun > 100; }));
  EXPECT_LE(stage->most, 3);
  EXPECT_GE(stage->most, 2);
  for (const auto& status : runner.statuses()) EXPECT_GT(status.runs, 0U) << status.name;
}

TEST(CheckRunnerTest, OneThatDoesNotComeBackIsATimeoutAndIsNotBegunTwice) {
  auto stage = std::make_shared<Stage>();
  stage->hang = true;
  const CheckRunner runner(settings(1, 100 * kMs, 50 * kMs), 8, {}, maker(stage));
  EXPECT_TRUE(eventually([&] { return runner.statuses()[0].failures >= 3; }));
  EXPECT_EQ(stage->begun, 1);
  EXPECT_EQ(runner.statuses()[0].last.error_type, "timeout");
  stage->hang = false;
  EXPECT_TRUE(eventually([&] { return runner.statuses()[0].failures == 0; }));
}

TEST(CheckRunnerTest, SomeThatHangDoNotStopTheOthers) {
  auto hanging = std::make_shared<Stage>();
  hanging->hang = true;
  auto well = std::make_shared<Stage>();
  const CheckRunner runner(settings(6, 50 * kMs, 20 * kMs), 2, {},
                           [&](const CheckSettings& check, const CheckEnvironment&) {
                             return std::make_unique<FakeCheck>(check.name < "c4" ? hanging : well);
                           });
  EXPECT_TRUE(eventually([&] { return runner.statuses()[5].runs > 5; }));
  hanging->hang = false;
}

TEST(CheckRunnerTest, TheEndDoesNotWaitForOneThatHangs) {
  auto stage = std::make_shared<Stage>();
  stage->hang = true;
  auto runner = std::make_unique<CheckRunner>(settings(1, 100 * kMs, 10'000 * kMs), 8,
                                              CheckEnvironment{}, maker(stage));
  EXPECT_TRUE(eventually([&] { return stage->begun == 1; }));
  const uint64_t begin_ns = base::monotonic_now_ns();
  runner.reset();
  EXPECT_LT(base::monotonic_now_ns() - begin_ns, 3'000 * kMs);
  stage->hang = false;
  EXPECT_TRUE(eventually([&] { return stage->running == 0; }));
}

TEST(CheckRunnerTest, DurationsAreHistogramsByErrorTypeAndBounded) {
  auto stage = std::make_shared<Stage>();
  std::atomic<int> number{0};
  stage->act = [&](const Deadline&) {
    const int now = number++;
    return now == 0 ? passed("well")
                    : failed("exit_" + std::to_string(now), std::string(9999, 'x'));
  };
  const CheckRunner runner(settings(1, 5 * kMs, 5 * kMs), 8, {}, maker(stage));
  EXPECT_TRUE(eventually([&] { return runner.statuses()[0].runs > 40; }));
  model::MetricSnapshot snapshot;
  snapshot.unix_ns = base::unix_now_ns();
  runner.add_families(snapshot);
  ASSERT_EQ(snapshot.families.size(), 1U);
  const model::MetricFamily& family = snapshot.families[0];
  EXPECT_EQ(family.name, "hostlens.check.duration");
  EXPECT_LE(family.points.size(), 17U);
  EXPECT_EQ(family.points[0].attributes,
            (model::Attributes{{"check", std::string("c0")}, {"type", std::string("tcp")}}));
  EXPECT_LE(runner.statuses()[0].last.text.size(), 1024U);
  EXPECT_GT(runner.statuses()[0].failures, 3U);
}

}  // namespace
}  // namespace hostlens::checks
