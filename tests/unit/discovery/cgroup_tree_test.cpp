// SPDX-License-Identifier: Apache-2.0
#include "discovery/cgroup_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>

#include "unit/discovery/fake_host.h"

namespace hostlens::discovery {
namespace {

TEST(CgroupTreeTest, FindsTheUnifiedMountOfEveryLayout) {
  const std::string v1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
  const std::string other = "36 35 98:0 / / rw shared:1 master:2 - ext4 /dev/vda rw\n";
  EXPECT_EQ(find_unified_mount(other + "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 "
                                       "cgroup2 rw,nsdelegate\n"),
            "/sys/fs/cgroup");
  EXPECT_EQ(find_unified_mount(v1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"),
            "/sys/fs/cgroup/unified");
  EXPECT_EQ(find_unified_mount(other + v1), std::nullopt);
}

TEST(CgroupTreeTest, TakesNoMountOfAPartNorGarbage) {
  EXPECT_EQ(find_unified_mount("25 30 0:23 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
            std::nullopt);
  EXPECT_EQ(find_unified_mount("25 30 0:23 / relative rw - cgroup2 cgroup2 rw\n"), std::nullopt);
  EXPECT_EQ(find_unified_mount("25 30 0:23 / /sys/fs/cgroup rw cgroup2 cgroup2 rw\n"),
            std::nullopt);
  EXPECT_EQ(find_unified_mount(" - cgroup2\n\n - \ncgroup2"), std::nullopt);
  EXPECT_EQ(find_unified_mount(""), std::nullopt);
}

class CgroupWalkTest : public ::testing::Test {
 protected:
  uint64_t make(const std::string& path) {
    std::filesystem::create_directories(host_.cgroups() + path);
    struct stat status {};
    EXPECT_EQ(::stat((host_.cgroups() + path).c_str(), &status), 0);
    return status.st_ino;
  }
  std::map<uint64_t, std::string> walk(size_t most, CgroupWalk& walked) {
    std::map<uint64_t, std::string> found;
    walked = walk_cgroups(host_.cgroups(), most,
                          [&](uint64_t id, std::string_view path) { found.emplace(id, path); });
    return found;
  }
  FakeHost host_;
};

TEST_F(CgroupWalkTest, NamesEachDirectoryByItsInode) {
  const std::map<uint64_t, std::string> expected{
      {make("/"), "/"},
      {make("/system.slice"), "/system.slice"},
      {make("/system.slice/a.service"), "/system.slice/a.service"},
      {make("/system.slice/b.service"), "/system.slice/b.service"},
      {make("/system.slice/b.service/init"), "/system.slice/b.service/init"},
      {make("/leaf"), "/leaf"}};
  std::ofstream(host_.cgroups() + "/cgroup.procs") << "1\n";
  std::filesystem::create_directory_symlink("/", host_.cgroups() + "/link");
  CgroupWalk walked;
  EXPECT_EQ(walk(100, walked), expected);
  EXPECT_TRUE(walked.complete);
  EXPECT_EQ(walked.directories, 6U);
}

TEST_F(CgroupWalkTest, StopsAtItsLimitAndSaysSo) {
  for (int i = 0; i < 20; ++i) make("/" + std::to_string(i));
  CgroupWalk walked;
  EXPECT_EQ(walk(10, walked).size(), 10U);
  EXPECT_FALSE(walked.complete);
  EXPECT_EQ(walk_cgroups("/no/such/mount", 10, [](uint64_t, std::string_view) {}).directories, 0U);
}

}  // namespace
}  // namespace hostlens::discovery
