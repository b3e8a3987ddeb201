// SPDX-License-Identifier: Apache-2.0
// Each signal of a service on and off again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scene.h"

namespace hostlens::health {
namespace {

using ::testing::HasSubstr;

const Scene::Service kShop = Scene::service("shop");

TEST(ServiceSignalsTest, ErrorRatioTurnsWithinAMinuteAndRecoversWithinTwo) {
  for (const int rate : {1, 5, 200}) {
    Scene scene;
    scene.seconds(90, [&] { scene.requests(kShop, rate); });
    ASSERT_EQ(scene.state("error_ratio", "shop"), "ok") << rate;
    const int on = scene.until("failing", "error_ratio", "shop", 60,
                               [&] { scene.requests(kShop, rate, 0.01, "500"); });
    EXPECT_GT(on, 5) << rate;
    EXPECT_THAT(scene.find("error_ratio", "shop")->evidence.text, HasSubstr("failed"));
    EXPECT_EQ(scene.find("error_ratio", "shop")->evidence.threshold, 0.25);
    scene.seconds(60, [&] { scene.requests(kShop, rate, 0.01, "500"); });
    const int off =
        scene.until("ok", "error_ratio", "shop", 120, [&] { scene.requests(kShop, rate); });
    EXPECT_GT(off, 5) << rate;
  }
}

TEST(ServiceSignalsTest, ErrorRatioRecoversWhenTheTrafficEnds) {
  Scene scene;
  scene.seconds(60, [&] { scene.requests(kShop, 5, 0.01, "503"); });
  ASSERT_EQ(scene.state("error_ratio", "shop"), "failing");
  EXPECT_GT(scene.until("ok", "error_ratio", "shop", 120, [] {}), 0);
  EXPECT_EQ(scene.find("error_ratio", "shop")->evidence.text, "no requests in 60 s");
}

TEST(ServiceSignalsTest, ErrorRatioKnowsWhoseFailureItIs) {
  Scene scene;
  scene.seconds(60, [&] {
    scene.requests(kShop, 5);
    scene.requests(kShop, 5, 0.01, "404");
    scene.requests(kShop, 5, 0.01, "closed_by_client");
  });
  EXPECT_EQ(scene.state("error_ratio", "shop"), "ok");
  scene.seconds(40, [&] {
    scene.requests(kShop, 5);
    scene.requests(kShop, 5, 0.01, "timeout");
  });
  EXPECT_EQ(scene.state("error_ratio", "shop"), "failing");
}

TEST(ServiceSignalsTest, TwoFailuresAreNoRatio) {
  Scene scene;
  scene.requests(kShop, 2, 0.01, "500");
  scene.seconds(30);
  EXPECT_EQ(scene.state("error_ratio", "shop"), "ok");
  EXPECT_EQ(scene.find("error_ratio", "shop")->evidence.value, 1.0);
}

TEST(ServiceSignalsTest, ErrorRatioDoesNotFlapWithMixedTraffic) {
  Scene scene;
  int changes = 0;
  std::string before = "ok";
  int tick = 0;
  scene.seconds(600, [&] {
    scene.requests(kShop, 20);
    if (++tick % 3 == 0) scene.requests(kShop, 3, 0.01, "500");  // 4.8%, around the threshold
    if (tick < 2) return;
    const std::string now = scene.state("error_ratio", "shop");
    if (now != before) ++changes;
    before = now;
  });
  EXPECT_LE(changes, 1);
}

TEST(ServiceSignalsTest, AResetOfTheCountersIsNoBurst) {
  Scene scene;
  scene.seconds(60, [&] { scene.requests(kShop, 50); });
  scene.reset("http.server.request.duration");
  scene.requests(kShop, 3);
  scene.second();
  EXPECT_EQ(scene.state("error_ratio", "shop"), "ok");
  scene.seconds(20, [&] { scene.requests(kShop, 5, 0.01, "500"); });
  EXPECT_NE(scene.state("error_ratio", "shop"), "ok");
}

TEST(ServiceSignalsTest, SeriesThatEndTakeNothingAlong) {
  Scene scene;
  scene.requests(kShop, 10'000, 0.01, "500");
  scene.seconds(150, [&] { scene.requests(kShop, 5); });
  ASSERT_EQ(scene.state("error_ratio", "shop"), "ok");
  scene.forget_series("http.server.request.duration");
  scene.seconds(20, [&] { scene.requests(kShop, 5); });
  EXPECT_EQ(scene.state("error_ratio", "shop"), "ok");
  EXPECT_LT(*scene.find("error_ratio", "shop")->evidence.value, 0.01);
}

TEST(ServiceSignalsTest, LatencyIsJudgedByTheServicesOwnBaseline) {
  Scene scene;
  scene.seconds(50, [&] { scene.requests(kShop, 10, 0.2); });
  EXPECT_EQ(scene.state("latency", "shop"), "absent");  // nothing is normal yet
  scene.seconds(60, [&] { scene.requests(kShop, 10, 0.2); });
  ASSERT_EQ(scene.state("latency", "shop"), "ok");
  const int on =
      scene.until("failing", "latency", "shop", 120, [&] { scene.requests(kShop, 10, 2); });
  EXPECT_GT(on, 0);
  EXPECT_THAT(scene.find("latency", "shop")->evidence.text, HasSubstr("normal is"));
  // It is not learnt meanwhile.
  scene.seconds(600, [&] { scene.requests(kShop, 10, 2); });
  EXPECT_EQ(scene.state("latency", "shop"), "failing");
  EXPECT_GT(scene.until("ok", "latency", "shop", 120, [&] { scene.requests(kShop, 10, 0.2); }), 0);
}

TEST(ServiceSignalsTest, AFewMillisecondsAreNeverSlow) {
  Scene scene;
  scene.seconds(120, [&] { scene.requests(kShop, 10, 0.0005); });
  scene.seconds(120, [&] { scene.requests(kShop, 10, 0.005); });
  EXPECT_EQ(scene.state("latency", "shop"), "ok");
}

TEST(ServiceSignalsTest, ANewNormalIsLearntAfterItsTime) {
  HealthSettings settings;
  settings.latency_relearn_ns = 300'000'000'000;
  Scene scene(settings);
  scene.seconds(120, [&] { scene.requests(kShop, 10, 0.05); });
  scene.seconds(100, [&] { scene.requests(kShop, 10, 1); });
  ASSERT_EQ(scene.state("latency", "shop"), "failing");
  EXPECT_GT(scene.until("ok", "latency", "shop", 600, [&] { scene.requests(kShop, 10, 1); }), 100);
}

TEST(ServiceSignalsTest, UpFollowsTheProcesses) {
  Scene scene;
  scene.alive(kShop);
  scene.seconds(30);
  ASSERT_EQ(scene.state("up", "shop"), "ok");
  scene.nobody();
  EXPECT_GT(scene.until("failing", "up", "shop", 40, [] {}), 0);
  EXPECT_THAT(scene.find("up", "shop")->evidence.text, HasSubstr("no process for"));
  scene.alive(kShop, 5000);
  EXPECT_GT(scene.until("ok", "up", "shop", 40, [] {}), 0);
}

TEST(ServiceSignalsTest, ACommandThatEndedIsNotDown) {
  Scene scene;
  scene.alive(kShop);
  scene.seconds(10);
  scene.nobody();
  scene.seconds(60);
  EXPECT_EQ(scene.state("up", "shop"), "absent");
}

TEST(ServiceSignalsTest, AServiceThatIsDownIsForgottenInTheEnd) {
  HealthSettings settings;
  settings.forget_ns = 600'000'000'000;
  Scene scene(settings);
  scene.alive(kShop);
  scene.seconds(60);
  scene.nobody();
  scene.seconds(590);
  EXPECT_EQ(scene.state("up", "shop"), "failing");
  scene.seconds(60);
  EXPECT_EQ(scene.state("up", "shop"), "absent");
}

TEST(ServiceSignalsTest, AUnitThatWasStoppedByHandIsNotDown) {
  const Scene::Service unit = Scene::service("web", "web.service");
  Scene scene;
  scene.alive(unit);
  scene.seconds(30);
  scene.nobody();
  scene.inputs().units = std::make_shared<const std::vector<model::UnitState>>(
      std::vector<model::UnitState>{{"web.service", "inactive", "dead", "success", 0, 0}});
  scene.seconds(60);
  EXPECT_EQ(scene.state("up", "web"), "absent");
}

TEST(ServiceSignalsTest, RestartsAreCountedByProcessesThatAreAllNewer) {
  Scene scene;
  scene.alive(kShop, 100, 4);
  scene.seconds(30);
  ASSERT_EQ(scene.state("restarts", "shop"), "ok");
  scene.nobody();
  scene.alive(kShop, 100, 1);  // the master stays, its workers are new
  scene.alive(kShop, 900, 3);
  scene.seconds(30);
  EXPECT_EQ(*scene.find("restarts", "shop")->evidence.value, 0);
  for (uint64_t start = 2000; start < 2006; ++start) {
    scene.nobody();
    scene.alive(kShop, start);
    scene.seconds(20);
  }
  EXPECT_EQ(scene.state("restarts", "shop"), "failing");
  scene.seconds(620);
  EXPECT_EQ(scene.state("restarts", "shop"), "ok");
}

TEST(ServiceSignalsTest, RestartsBySystemdAreItsServices) {
  const Scene::Service unit = Scene::service("web", "web.service");
  Scene scene;
  scene.alive(unit);
  for (uint32_t restarts = 3; restarts < 6; ++restarts) {
    scene.inputs().units =
        std::make_shared<const std::vector<model::UnitState>>(std::vector<model::UnitState>{
            {"web.service", "active", "running", "success", restarts, 0}});
    scene.seconds(20);
  }
  EXPECT_EQ(scene.state("restarts", "web"), "degraded");  // 3 were before our time
  EXPECT_EQ(*scene.find("restarts", "web")->evidence.value, 2);
}

TEST(ServiceSignalsTest, FileDescriptorsTurnWithinAMinuteAndRecoverWithinTwo) {
  Scene scene;
  scene.alive(kShop, 100, 1, 10, 1000);
  scene.seconds(33);
  ASSERT_EQ(scene.state("file_descriptors", "shop"), "ok");
  scene.nobody();
  scene.alive(kShop, 100, 1, 990, 1000);
  EXPECT_GT(scene.until("failing", "file_descriptors", "shop", 60, [] {}), 0);
  EXPECT_THAT(scene.find("file_descriptors", "shop")->evidence.text,
              HasSubstr("990 of 1000 open files in process 100"));
  scene.nobody();
  scene.alive(kShop, 100, 1, 10, 1000);
  EXPECT_GT(scene.until("ok", "file_descriptors", "shop", 120, [] {}), 0);
}

TEST(ServiceSignalsTest, FileDescriptorsThatCannotBeReadAreUnknown) {
  Scene scene;
  scene.alive(kShop);
  scene.seconds(30);
  ASSERT_EQ(scene.state("file_descriptors", "shop"), "ok");
  scene.hangs_ = true;
  EXPECT_GT(scene.until("unknown", "file_descriptors", "shop", 60, [] {}), 20);
  EXPECT_EQ(scene.state("up", "shop"), "unknown");
  scene.hangs_ = false;
  EXPECT_GT(scene.until("ok", "file_descriptors", "shop", 15, [] {}), 0);
}

TEST(ServiceSignalsTest, DependenciesAreJudgedOneByOne) {
  const model::Attributes good = {{"server.address", std::string("db")},
                                  {"server.port", int64_t{5432}}};
  const model::Attributes other = {{"server.address", std::string("cache")},
                                   {"server.port", int64_t{6379}}};
  model::Attributes bad = other;
  bad.push_back({"error.type", std::string("503")});
  Scene scene;
  const auto calls = [&](bool fails) {
    scene.observe("http.client.request.duration", kShop, good, 0.01, 50);
    scene.observe("http.client.request.duration", kShop, fails ? bad : other, 0.01, 2);
  };
  scene.seconds(60, [&] { calls(false); });
  ASSERT_EQ(scene.state("dependency", "shop"), "ok");
  scene.seconds(60, [&] { calls(true); });
  EXPECT_EQ(scene.state("dependency", "shop"), "failing");
  EXPECT_THAT(scene.find("dependency", "shop")->evidence.text, HasSubstr("cache:6379"));
  EXPECT_GT(scene.until("ok", "dependency", "shop", 120, [&] { calls(false); }), 0);
}

TEST(ServiceSignalsTest, ADependencyThatRefusesIsUnreachable) {
  const model::Attributes peer = {{"hostlens.connection.role", std::string("client")},
                                  {"server.address", std::string("10.0.0.9")},
                                  {"server.port", int64_t{80}}};
  Scene scene;
  scene.seconds(30, [&] { scene.grow(false, "hostlens.connection.opened", kShop, peer, 1); });
  ASSERT_EQ(scene.state("dependency", "shop"), "ok");
  model::Attributes refused = peer;
  refused.push_back({"error.type", std::string("ECONNREFUSED")});
  EXPECT_GT(
      scene.until("failing", "dependency", "shop", 60,
                  [&] { scene.grow(false, "hostlens.connection.failed", kShop, refused, 1); }),
      0);
  EXPECT_THAT(scene.find("dependency", "shop")->evidence.text, HasSubstr("connects"));
}

TEST(ServiceSignalsTest, SaturationOfACgroup) {
  Scene scene;
  scene.set(true, "hostlens.cgroup.memory.limit", kShop, {}, 1000);
  scene.set(true, "container.memory.working_set", kShop, {}, 500);
  scene.set(true, "hostlens.cgroup.threads", kShop, {}, 10);
  scene.set(true, "hostlens.cgroup.process.limit", kShop, {}, 100);
  const auto run = [&](double throttled) {
    scene.grow(true, "hostlens.cgroup.cpu.periods", kShop, {}, 10);
    scene.grow(true, "hostlens.cgroup.cpu.throttled.periods", kShop, {}, throttled);
  };
  scene.seconds(60, [&] { run(0); });
  for (const char* name : {"memory", "threads", "cpu_throttling"}) {
    EXPECT_EQ(scene.state(name, "shop"), "ok") << name;
  }
  scene.set(true, "container.memory.working_set", kShop, {}, 980);
  scene.set(true, "hostlens.cgroup.threads", kShop, {}, 85);
  scene.seconds(90, [&] { run(9); });
  EXPECT_EQ(scene.state("memory", "shop"), "failing");
  EXPECT_EQ(scene.state("threads", "shop"), "degraded");
  EXPECT_EQ(scene.state("cpu_throttling", "shop"), "failing");
  scene.set(true, "container.memory.working_set", kShop, {}, 100);
  scene.set(true, "hostlens.cgroup.threads", kShop, {}, 8);
  scene.seconds(120, [&] { run(0); });
  for (const char* name : {"memory", "threads", "cpu_throttling"}) {
    EXPECT_EQ(scene.state(name, "shop"), "ok") << name;
  }
  scene.forget_series("hostlens.cgroup.memory.limit");  // it was lifted
  scene.seconds(60, [&] { run(0); });
  EXPECT_EQ(scene.state("memory", "shop"), "absent");
}

TEST(ServiceSignalsTest, RunqueueJudgesServicesThatAreKnownOtherwise) {
  const Scene::Service stranger = Scene::service("other");
  Scene scene;
  scene.alive(kShop);
  const auto wait = [&](double seconds) {
    for (const auto& of : {kShop, stranger}) {
      scene.observe("hostlens.thread.runqueue.duration", of, {}, seconds, 50);
    }
  };
  scene.seconds(90, [&] { wait(0.0001); });
  ASSERT_EQ(scene.state("runqueue", "shop"), "ok");
  EXPECT_EQ(scene.state("runqueue", "other"), "absent");
  scene.seconds(60, [&] { wait(0.3); });
  EXPECT_EQ(scene.state("runqueue", "shop"), "failing");
  EXPECT_GT(scene.until("ok", "runqueue", "shop", 150, [&] { wait(0.0001); }), 0);
}

TEST(ServiceSignalsTest, OomKillsAreToldByEitherCounterOnce) {
  Scene scene;
  scene.alive(kShop);
  scene.set(false, "hostlens.oom.kills", kShop, {}, 0);
  scene.set(true, "hostlens.cgroup.memory.events", kShop, {{"event", std::string("oom_kill")}}, 0);
  scene.seconds(30);
  ASSERT_EQ(scene.state("oom", "shop"), "ok");
  scene.grow(false, "hostlens.oom.kills", kShop, {}, 1);
  scene.grow(true, "hostlens.cgroup.memory.events", kShop, {{"event", std::string("oom_kill")}}, 1);
  scene.seconds(20);
  EXPECT_EQ(scene.state("oom", "shop"), "degraded");
  EXPECT_EQ(*scene.find("oom", "shop")->evidence.value, 1);
  EXPECT_EQ(scene.state("oom"), "degraded");
  scene.seconds(320);
  EXPECT_EQ(scene.state("oom", "shop"), "ok");
}

TEST(ServiceSignalsTest, TheAcceptQueueByItsLengthAndByOverflows) {
  Scene scene;
  const auto listen = [&](uint64_t backlog, uint64_t drops) {
    scene.inputs().listeners = std::make_shared<const std::vector<ListenerBacklog>>(
        std::vector<ListenerBacklog>{{kShop, 80, backlog, 128, drops}});
  };
  scene.seconds(30, [&] { listen(0, 7); });
  ASSERT_EQ(scene.state("accept_queue", "shop"), "ok");
  scene.seconds(30, [&] { listen(128, 7); });
  EXPECT_EQ(scene.state("accept_queue", "shop"), "failing");
  EXPECT_THAT(scene.find("accept_queue", "shop")->evidence.text, HasSubstr("128 of 128"));
  scene.seconds(60, [&] { listen(0, 7); });
  EXPECT_EQ(scene.state("accept_queue", "shop"), "ok");
  scene.seconds(30, [&] { listen(0, 9); });
  EXPECT_EQ(scene.state("accept_queue", "shop"), "degraded");
  scene.seconds(120, [&] { listen(0, 9); });
  EXPECT_EQ(scene.state("accept_queue", "shop"), "ok");
}

}  // namespace
}  // namespace hostlens::health
