// SPDX-License-Identifier: Apache-2.0
#include "discovery/process_table.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "discovery/host_resource.h"
#include "unit/discovery/fake_host.h"

namespace hostlens::discovery {
namespace {

using namespace std::string_literals;

const std::string kId(64, 'a');

class ProcessTableTest : public ::testing::Test {
 protected:
  std::unique_ptr<ProcessTable> make(ProcessTableSettings settings = {}) {
    settings.host = {{"host.name", "box"}, {"host.id", "0123"}};
    auto table = ProcessTable::create(std::move(settings), host_, host_.proc());
    EXPECT_TRUE(table);
    return std::move(*table);
  }
  std::string name_of(const FakeProcess& process) {
    host_.put(process);
    return make()->resolve(process.pid)->service->name;
  }

  FakeHost host_;
};

TEST_F(ProcessTableTest, TheNameComesFromTheFirstSourceThatHasOne) {
  FakeProcess process{.pid = 7,
                      .executable = "/usr/bin/python3.11",
                      .arguments = {"python3", "/srv/api.py"},
                      .environment = {},
                      .sockets = {}};
  EXPECT_EQ(name_of(process), "api");
  process.cgroup = "0::/docker/" + kId + "\n";
  EXPECT_EQ(name_of(process), "aaaaaaaaaaaa");
  process.cgroup = "0::/system.slice/shop@blue.service\n";
  EXPECT_EQ(name_of(process), "shop");
  process.environment = "OTEL_RESOURCE_ATTRIBUTES=a=b,service.name=from%20list\0"s;
  EXPECT_EQ(name_of(process), "from list");
  process.environment += "OTEL_SERVICE_NAME=declared\0"s;
  EXPECT_EQ(name_of(process), "declared");

  ProcessTableSettings settings;
  settings.service_names = {
      {{{ProcessRuleKey::kUnit, "other"}}, "wrong"},
      {{{ProcessRuleKey::kExecutable, "python3*"}, {ProcessRuleKey::kCommandLine, "*api.py"}},
       "configured"}};
  EXPECT_EQ(make(std::move(settings))->resolve(7)->service->name, "configured");
}

TEST_F(ProcessTableTest, TheResourceFollowsTheConventions) {
  host_.put({.pid = 7,
             .parent_pid = 3,
             .start_ticks = 42,
             .executable = "/usr/sbin/nginx",
             .arguments = {"nginx: master", "secret"},
             .environment =
                 "OTEL_RESOURCE_ATTRIBUTES=service.namespace=shop,deployment.environment.name"
                 "=prod,host.name=liar\0PASSWORD=x\0"s,
             .cgroup = "0::/system.slice/nginx.service\n",
             .sockets = {}});
  const auto process = make()->resolve(7);
  const auto text = [&](const char* key) { return text_of(process->resource, key); };
  EXPECT_EQ(process->key, (model::ProcessKey{7, 42}));
  EXPECT_EQ(process->executable, "nginx");
  EXPECT_EQ(text("service.name"), "nginx");
  EXPECT_EQ(text("service.namespace"), "shop");
  EXPECT_EQ(text("service.instance.id").size(), 36U);
  EXPECT_EQ(text("host.name"), "box");
  EXPECT_EQ(text("deployment.environment.name"), "prod");
  EXPECT_EQ(text("hostlens.systemd.unit"), "nginx.service");
  EXPECT_EQ(text("process.command"), "nginx: master");
  EXPECT_EQ(text("process.owner"), "root");
  EXPECT_TRUE(text("process.executable.path").ends_with("/usr/sbin/nginx"));
  for (const auto& attribute : process->resource) {
    if (const auto* value = std::get_if<std::string>(&attribute.value)) {
      EXPECT_EQ(value->find("secret"), std::string::npos);
    }
  }
  for (const auto& attribute : process->service->resource) {
    EXPECT_FALSE(attribute.key.starts_with("process."));
  }
}

TEST_F(ProcessTableTest, WorkersOfOneServerShareOneService) {
  host_.put({.pid = 7,
             .executable = "/usr/sbin/nginx",
             .arguments = {"nginx: master"},
             .environment = {},
             .sockets = {}});
  host_.put({.pid = 8,
             .parent_pid = 7,
             .executable = "/usr/sbin/nginx",
             .arguments = {"nginx: worker"},
             .environment = {},
             .sockets = {}});
  const auto table = make();
  EXPECT_EQ(table->resolve(7)->service, table->resolve(8)->service);
}

TEST_F(ProcessTableTest, TheInstanceIsTheSameOnEveryStartAndDiffersByContainer) {
  host_.put({.pid = 7,
             .executable = "/bin/a",
             .arguments = {"a"},
             .environment = {},
             .cgroup = "0::/docker/" + kId + "\n",
             .sockets = {}});
  const auto first = make()->resolve(7)->service->instance_id;
  EXPECT_EQ(make()->resolve(7)->service->instance_id, first);
  host_.put({.pid = 7,
             .executable = "/bin/a",
             .arguments = {"a"},
             .environment = {},
             .cgroup = "0::/docker/" + std::string(64, 'b') + "\n",
             .sockets = {}});
  EXPECT_NE(make()->resolve(7)->service->instance_id, first);
}

TEST_F(ProcessTableTest, AKnownProcessIsNotReadAgain) {
  host_.put(
      {.pid = 7, .executable = "/bin/a", .arguments = {"a"}, .environment = {}, .sockets = {}});
  const auto table = make();
  const auto process = table->resolve(7);
  const int opens = host_.opens;
  EXPECT_EQ(table->resolve(7), process);
  EXPECT_EQ(host_.opens, opens);
}

TEST_F(ProcessTableTest, ExecGivesANewIdentity) {
  host_.put({.pid = 7,
             .executable = "/bin/sh",
             .arguments = {"sh", "start.sh"},
             .environment = {},
             .sockets = {}});
  const auto table = make();
  EXPECT_EQ(table->resolve(7)->service->name, "start");
  host_.put({.pid = 7,
             .executable = "/usr/sbin/nginx",
             .arguments = {"nginx"},
             .environment = {},
             .sockets = {}});
  table->on_exec({.process = {7, 100}, .comm = "nginx"});
  EXPECT_EQ(table->resolve(7)->service->name, "nginx");
}

TEST_F(ProcessTableTest, ATargetThatLivesForAMomentIsReadAtItsExec) {
  host_.put({.pid = 7,
             .executable = "/usr/bin/curl",
             .arguments = {"curl", "x"},
             .environment = {},
             .sockets = {}});
  const auto table = make();
  table->on_exec({.process = {7, 100}, .is_target = true, .comm = "curl"});
  host_.remove(7);
  table->on_exit({.time_ns = base::monotonic_now_ns(), .process = {7, 100}});
  EXPECT_EQ(table->resolve(7)->service->name, "curl");
}

TEST_F(ProcessTableTest, AForkedChildIsItsParentsCopyWithoutARead) {
  host_.put({.pid = 7,
             .executable = "/usr/sbin/apache2",
             .arguments = {"apache2"},
             .environment = {},
             .sockets = {}});
  const auto table = make();
  const auto parent = table->resolve(7);
  const int opens = host_.opens;
  table->on_fork({.process = {9, 500}, .parent_pid = 7, .is_target = true});
  table->on_fork(
      {.process = {10, 501}, .parent_pid = 9, .is_target = true});  // 9 was not asked for
  const auto child = table->resolve(10);
  EXPECT_EQ(host_.opens, opens);
  EXPECT_EQ(child->service, parent->service);
  EXPECT_EQ(child->key, (model::ProcessKey{10, 501}));
  EXPECT_EQ(std::get<int64_t>(child->resource[parent->service->resource.size()].value), 10);
}

TEST_F(ProcessTableTest, WhatCannotBeReadIsAnUnknownService) {
  const auto table = make();
  EXPECT_EQ(table->resolve(99)->service->name, "unknown_service");
  table->on_exec({.process = {98, 5}, .comm = "ghost"});
  EXPECT_EQ(table->resolve(98)->service->name, "unknown_service:ghost");
}

TEST_F(ProcessTableTest, APidThatIsSomebodyElsesByNowIsNotMistaken) {
  host_.put({.pid = 7,
             .start_ticks = 900,
             .executable = "/bin/b",
             .arguments = {"b"},
             .environment = {},
             .sockets = {}});
  const auto table = make();
  table->on_exec({.process = {7, 100}, .comm = "a"});  // ended before it could be read
  EXPECT_EQ(table->resolve(7)->service->name, "unknown_service:a");
}

TEST_F(ProcessTableTest, ALostExitIsFoundByTheTick) {
  host_.put({.pid = 7,
             .start_ticks = 100,
             .executable = "/bin/a",
             .arguments = {"a"},
             .environment = {},
             .sockets = {}});
  const auto table = make();
  EXPECT_EQ(table->resolve(7)->service->name, "a");
  host_.put({.pid = 7,
             .start_ticks = 900,
             .executable = "/bin/b",
             .arguments = {"b"},
             .environment = {},
             .sockets = {}});
  table->tick(base::monotonic_now_ns());
  EXPECT_EQ(table->resolve(7)->service->name, "b");
}

TEST_F(ProcessTableTest, AllAreCheckedForReuseOnceInTenSecondsNotAtEachTick) {
  for (const uint32_t pid : {7U, 8U}) {
    host_.put(
        {.pid = pid, .executable = "/bin/a", .arguments = {"a"}, .environment = {}, .sockets = {}});
  }
  const auto table = make();
  const uint64_t now = base::monotonic_now_ns();
  table->tick(now);  // nobody is known yet
  EXPECT_EQ(table->resolve(7)->service->name, "a");
  EXPECT_EQ(table->resolve(8)->service->name, "a");
  table->tick(now + 10'000'000'000);
  host_.put({.pid = 7,
             .start_ticks = 900,
             .executable = "/bin/b",
             .arguments = {"b"},
             .environment = {},
             .sockets = {}});
  table->tick(now + 11'000'000'000);
  table->tick(now + 19'000'000'000);
  EXPECT_EQ(table->resolve(7)->service->name, "a") << "looked at once more within ten seconds";
  table->tick(now + 20'000'000'000);
  EXPECT_EQ(table->resolve(7)->service->name, "b");
}

TEST_F(ProcessTableTest, AServiceGoesWithinAMinuteAfterTheLastThatHadIt) {
  const auto table = make();
  const uint64_t now = base::monotonic_now_ns();
  table->tick(now);
  auto kept = table->service_named("kept");
  for (int i = 0; i < 500; ++i) (void)table->service_named("program" + std::to_string(i));
  EXPECT_EQ(table->service_count(), 501U);
  table->tick(now + 61'000'000'000);
  EXPECT_EQ(table->service_count(), 1U);
  EXPECT_EQ(table->service_named("kept"), kept)
      << "who has it and who asks now have different ones";
}

TEST_F(ProcessTableTest, EndedProcessesStayForAWhileAndThenGo) {
  host_.put(
      {.pid = 7, .executable = "/bin/a", .arguments = {"a"}, .environment = {}, .sockets = {}});
  const auto table = make();
  const uint64_t now = base::monotonic_now_ns();
  EXPECT_EQ(table->resolve(7)->service->name, "a");
  table->on_exit({.time_ns = now, .process = {7, 100}});
  host_.remove(7);
  table->tick(now + 1'000'000'000);
  EXPECT_EQ(table->resolve(7)->service->name, "a");
  table->tick(now + 11'000'000'000);
  EXPECT_EQ(table->size(), 0U);
}

TEST_F(ProcessTableTest, AnExitOfAnEarlierOwnerOfThePidIsIgnored) {
  host_.put({.pid = 7,
             .start_ticks = 900,
             .executable = "/bin/b",
             .arguments = {"b"},
             .environment = {},
             .sockets = {}});
  const auto table = make();
  EXPECT_EQ(table->resolve(7)->service->name, "b");
  table->on_exit({.time_ns = 1, .process = {7, 100}});
  table->tick(base::monotonic_now_ns() + 60'000'000'000);
  EXPECT_EQ(table->size(), 1U);
}

TEST_F(ProcessTableTest, TheTableNeverGrowsAboveItsLimit) {
  ProcessTableSettings settings;
  settings.max_processes = 50;
  const auto table = make(std::move(settings));
  for (uint32_t pid = 1; pid <= 1000; ++pid) {
    table->on_exec({.process = {pid, pid}, .comm = "x"});
    if (pid % 2 == 0) table->on_exit({.time_ns = 1, .process = {pid, pid}});
    EXPECT_LE(table->size(), 50U);
  }
}

TEST_F(ProcessTableTest, BrokenNameRulesAreRefusedAndChangeNothing) {
  const auto table = make();
  EXPECT_FALSE(table->set_service_names({{{{ProcessRuleKey::kPort, "99999"}}, "x"}}));
  EXPECT_FALSE(table->set_service_names({{{}, "x"}}));
  EXPECT_TRUE(table->set_service_names({{{{ProcessRuleKey::kPort, "8080"}}, "x"}}));
}

std::shared_ptr<const model::Containers> containers(const std::string& id,
                                                    const std::string& name) {
  model::Container container;
  container.id = id;
  container.name = container.service_name = name;
  container.image = "shop/web";
  container.image_tags = {"1.2"};
  container.kubernetes = {{"k8s.pod.name", "web-7f"}};
  return std::make_shared<const model::Containers>(model::Containers{{id, container}});
}

TEST_F(ProcessTableTest, AContainerIsCalledAsItsRuntimeCallsIt) {
  host_.put({.pid = 7,
             .executable = "/usr/bin/x",
             .arguments = {"x"},
             .environment = {},
             .cgroup = "0::/docker/" + kId + "\n",
             .sockets = {}});
  const auto table = make();
  EXPECT_FALSE(table->wants_containers());
  EXPECT_EQ(table->resolve(7)->service->name, "aaaaaaaaaaaa");
  EXPECT_TRUE(table->wants_containers());
  const uint64_t generation = table->rules_generation();
  table->set_containers(containers(kId, "web"));
  EXPECT_FALSE(table->wants_containers());
  EXPECT_GT(table->rules_generation(), generation);
  const auto service = table->resolve(7)->service;
  EXPECT_EQ(service->name, "web");
  EXPECT_EQ(text_of(service->resource, "container.id"), kId);
  EXPECT_EQ(text_of(service->resource, "container.name"), "web");
  EXPECT_EQ(text_of(service->resource, "container.image.name"), "shop/web");
  EXPECT_EQ(text_of(service->resource, "k8s.pod.name"), "web-7f");
  CgroupIdentity cgroup;
  cgroup.container_id = kId;
  EXPECT_EQ(table->service_of_cgroup(cgroup), service);
  // The same once more changes nothing.
  const auto process = table->resolve(7);
  table->set_containers(containers(kId, "web"));
  EXPECT_EQ(table->resolve(7), process);
}

TEST_F(ProcessTableTest, AContainerThatNoRuntimeKnowsIsAskedForOnceAMinute) {
  host_.put({.pid = 7,
             .executable = "/usr/bin/x",
             .arguments = {"x"},
             .environment = {},
             .cgroup = "0::/docker/" + kId + "\n",
             .sockets = {}});
  const auto table = make();
  const uint64_t start_ns = base::monotonic_now_ns();
  table->tick(start_ns);
  table->resolve(7);
  EXPECT_TRUE(table->wants_containers());
  table->set_containers(std::make_shared<const model::Containers>());
  table->tick(start_ns + 30'000'000'000);
  EXPECT_FALSE(table->wants_containers());
  table->tick(start_ns + 61'000'000'000);
  EXPECT_TRUE(table->wants_containers());
}

}  // namespace
}  // namespace hostlens::discovery
