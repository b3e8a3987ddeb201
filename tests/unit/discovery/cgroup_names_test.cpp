// SPDX-License-Identifier: Apache-2.0
#include "discovery/cgroup_names.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "discovery/host_resource.h"
#include "unit/discovery/fake_host.h"

namespace hostlens::discovery {
namespace {

using namespace std::string_literals;

constexpr uint64_t kSecond = 1'000'000'000;

class CgroupNamesTest : public ::testing::Test {
 protected:
  CgroupNamesTest() {
    std::filesystem::create_directories(host_.proc() + "/self");
    std::ofstream(host_.proc() + "/self/mountinfo")
        << "41 31 0:38 / /cgroup rw - cgroup2 cgroup2 rw\n";
    make_table({});
  }
  void make_table(ProcessTableSettings settings) {
    settings.host = {{"host.name", "box"}, {"host.id", "0123"}};
    auto table = ProcessTable::create(std::move(settings), host_, host_.proc());
    ASSERT_TRUE(table);
    table_ = std::move(*table);
    make_names({});
  }
  void make_names(CgroupNamesSettings settings) {
    settings.root = host_.root();
    names_ = std::make_unique<CgroupNames>(settings, *table_);
  }
  uint64_t make(const std::string& path) {
    std::filesystem::create_directories(host_.cgroups() + path);
    struct stat status {};
    EXPECT_EQ(::stat((host_.cgroups() + path).c_str(), &status), 0);
    return status.st_ino;
  }
  /// Its inode stays in use elsewhere: the kernel gives a cgroup's number to no other one.
  void remove(const std::string& path) {
    std::filesystem::create_directories(host_.root() + "/removed");
    std::filesystem::rename(host_.cgroups() + path,
                            host_.root() + "/removed/" + std::to_string(++removed_));
  }
  std::shared_ptr<const model::Service> put(uint32_t pid, const std::string& cgroup,
                                            const std::string& environment = {}) {
    host_.put({.pid = pid,
               .executable = "/usr/bin/worker",
               .arguments = {"worker"},
               .environment = environment,
               .cgroup = "0::" + cgroup + "\n",
               .sockets = {}});
    return table_->resolve(pid)->service;
  }
  std::string name_of(uint64_t id) {
    const auto service = names_->service_of(id);
    return service == nullptr ? "" : service->name;
  }
  /// Asked, then looked for.
  std::string name_of(const std::string& path) {
    const uint64_t id = make(path);
    (void)names_->service_of(id);
    names_->refresh(1);
    return name_of(id);
  }

  FakeHost host_;
  int removed_ = 0;
  std::unique_ptr<ProcessTable> table_;
  std::unique_ptr<CgroupNames> names_;
};

TEST_F(CgroupNamesTest, NamesACgroupAsItsProcessesWouldBe) {
  const std::string id(64, 'a');
  EXPECT_EQ(name_of("/system.slice/nginx.service"), "nginx");
  EXPECT_EQ(name_of("/system.slice/nginx.service/inner"), "nginx");
  EXPECT_EQ(name_of("/system.slice/docker-" + id + ".scope"), "aaaaaaaaaaaa");
  EXPECT_EQ(name_of("/lxc.payload.web1"), "web1");
  EXPECT_EQ(name_of("/user.slice/user-1000.slice/session-3.scope"), "session");
  EXPECT_EQ(name_of("/init.scope"), "init");
  EXPECT_EQ(name_of("/batch/0f3a5c1e9b"), "batch");
  EXPECT_EQ(name_of("/batch"), "batch");
}

TEST_F(CgroupNamesTest, GivesTheVeryObjectOfTheProcessTable) {
  const uint64_t id = make("/system.slice/nginx.service");
  const auto own = put(7, "/system.slice/nginx.service");
  EXPECT_EQ(names_->service_of(id), nullptr);
  names_->refresh(1);
  EXPECT_EQ(names_->service_of(id), own);

  // And when the cgroup was named first, the processes get that one.
  const uint64_t later = make("/system.slice/ssh.service");
  (void)names_->service_of(later);
  names_->refresh(2);
  const auto ssh = names_->service_of(later);
  ASSERT_NE(ssh, nullptr);
  EXPECT_EQ(put(8, "/system.slice/ssh.service"), ssh);
}

TEST_F(CgroupNamesTest, FollowsANameThatOnlyTheProcessesTell) {
  const uint64_t id = make("/system.slice/shop.service");
  (void)names_->service_of(id);
  names_->refresh(1);
  EXPECT_EQ(name_of(id), "shop");
  const auto declared = put(7, "/system.slice/shop.service", "OTEL_SERVICE_NAME=storefront\0"s);
  names_->refresh(2);
  EXPECT_EQ(names_->service_of(id), declared);
  EXPECT_EQ(name_of(id), "storefront");
  // Two services in one cgroup: it is neither's.
  put(8, "/system.slice/shop.service", "OTEL_SERVICE_NAME=backoffice\0"s);
  names_->refresh(3);
  EXPECT_EQ(name_of(id), "shop");
}

TEST_F(CgroupNamesTest, ASessionIsNotTheOneProcessThatIsKnownOfIt) {
  const uint64_t session = make("/user.slice/user-0.slice/session-1.scope");
  const uint64_t plain = make("/plain");
  put(7, "/user.slice/user-0.slice/session-1.scope");
  put(8, "/plain");
  (void)names_->service_of(session);
  (void)names_->service_of(plain);
  names_->refresh(1);
  EXPECT_EQ(name_of(session), "session");
  EXPECT_EQ(name_of(plain), "worker");
}

TEST_F(CgroupNamesTest, RulesByCgroupNameItAndAReloadRenames) {
  const std::vector<ServiceNameRule> rules{{{{ProcessRuleKey::kExecutable, "nginx"}}, "by program"},
                                           {{{ProcessRuleKey::kUnit, "nginx"}}, "frontend"}};
  make_table({.service_names = rules, .host = {}});
  const uint64_t id = make("/system.slice/nginx.service");
  (void)names_->service_of(id);
  names_->refresh(1);
  EXPECT_EQ(name_of(id), "frontend");
  ASSERT_TRUE(table_->set_service_names({}));
  names_->refresh(2);
  EXPECT_EQ(name_of(id), "nginx");
}

TEST_F(CgroupNamesTest, TheRootAndUnknownNumbersAreNobodys) {
  EXPECT_EQ(name_of("/"), "");
  const uint64_t never = 1;
  (void)names_->service_of(never);
  names_->refresh(1);
  EXPECT_EQ(names_->service_of(never), nullptr);
  EXPECT_EQ(names_->unseen_total(), 1U);
}

TEST_F(CgroupNamesTest, WalksOnceForAllNewNumbersAndNotAgainForOldOnes) {
  std::vector<uint64_t> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(make("/s" + std::to_string(i) + ".service"));
  ids.push_back(1);  // nobody has that
  for (int round = 0; round < 5; ++round) {
    for (const uint64_t id : ids) (void)names_->service_of(id);
    names_->refresh(static_cast<uint64_t>(round) * kSecond);
  }
  EXPECT_EQ(names_->walks_total(), 1U);
  EXPECT_EQ(name_of(ids[49]), "s49");
}

TEST_F(CgroupNamesTest, ARemovedCgroupCanBeAskedForAMinute) {
  const uint64_t id = make("/a.service");
  (void)names_->service_of(id);
  names_->refresh(kSecond);
  remove("/a.service");
  (void)names_->service_of(make("/b.service"));
  names_->refresh(2 * kSecond);  // a walk sees that it is gone
  EXPECT_EQ(name_of(id), "a");
  names_->refresh(61 * kSecond);
  EXPECT_EQ(name_of(id), "a");
  names_->refresh(63 * kSecond);
  EXPECT_EQ(names_->service_of(id), nullptr);
}

TEST_F(CgroupNamesTest, WithoutAUnifiedHierarchyEverythingIsNobodys) {
  std::ofstream(host_.proc() + "/self/mountinfo") << "";
  EXPECT_EQ(name_of("/a.service"), "");
  EXPECT_EQ(names_->size(), 1U);
}

TEST_F(CgroupNamesTest, StaysWithinItsLimitUnderChurn) {
  make_names({.root = {}, .max_names = 100});
  uint64_t now_ns = 0;
  for (int round = 0; round < 20; ++round) {
    now_ns += 10 * kSecond;
    std::vector<uint64_t> ids;
    for (int i = 0; i < 100; ++i) {
      ids.push_back(make("/r" + std::to_string(round) + "x" + std::to_string(i) + ".service"));
      (void)names_->service_of(ids.back());
    }
    names_->refresh(now_ns);
    EXPECT_LE(names_->size(), 100U);
    for (const uint64_t id : ids) (void)names_->service_of(id);
    for (int i = 0; i < 100; ++i) {
      remove("/r" + std::to_string(round) + "x" + std::to_string(i) + ".service");
    }
  }
  EXPECT_EQ(names_->walks_total(), 20U);
  // The living find room as soon as the dead are let go.
  now_ns += 61 * kSecond;
  const uint64_t living = make("/living.service");
  (void)names_->service_of(living);
  names_->refresh(now_ns);
  EXPECT_EQ(name_of(living), "living");
}

}  // namespace
}  // namespace hostlens::discovery
