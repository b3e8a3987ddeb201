// SPDX-License-Identifier: Apache-2.0
// The map is this process's own: in a namespace of pids, /proc/self has the pid that names it.
#include "kernel/perf_map_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace hostlens::kernel {
namespace {

constexpr uint32_t kStranger = 54321;

class PerfMapFileTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = "/tmp/perf-" + std::to_string(::getpid()) + ".map";
    ::unlink(path_.c_str());
  }
  void TearDown() override { ::unlink(path_.c_str()); }
  void write(const std::string& text) const { std::ofstream(path_) << text; }
  static base::Result<base::UniqueFd> open(uint64_t limit = 1000) {
    return open_perf_map("/proc/self", limit);
  }
  static base::Error::Kind refusal(uint64_t limit = 1000) {
    const auto file = open(limit);
    EXPECT_FALSE(file);
    return file ? base::Error::Kind::kIo : file.error().kind;
  }

  std::string path_;
};

TEST_F(PerfMapFileTest, OpensARegularFileOfTheProcessesUser) {
  write("1000 10 f\n");
  const auto file = open();
  ASSERT_TRUE(file) << file.error().text();
  char text[16];
  EXPECT_EQ(::read(file.value().get(), text, sizeof text), 10);
}

TEST_F(PerfMapFileTest, MostProcessesHaveNone) {
  EXPECT_EQ(refusal(), base::Error::Kind::kNotFound);
}

TEST_F(PerfMapFileTest, FollowsNoLink) {
  ASSERT_EQ(::symlink("/etc/passwd", path_.c_str()), 0);
  EXPECT_EQ(refusal(), base::Error::Kind::kDenied);
}

TEST_F(PerfMapFileTest, WaitsForNoFifo) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(refusal(), base::Error::Kind::kInvalid);
}

TEST_F(PerfMapFileTest, RefusesWhatIsTooLarge) {
  write(std::string(1001, '\n'));
  EXPECT_EQ(refusal(), base::Error::Kind::kBusy);
}

TEST_F(PerfMapFileTest, RefusesAStrangersFile) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  write("1000 10 f\n");
  ASSERT_EQ(::chown(path_.c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(refusal(), base::Error::Kind::kDenied);
}

TEST(PerfMapOwnerTest, TakesTheInnermostPidAndTheEffectiveUser) {
  const auto owner =
      parse_perf_map_owner("Name:\tjava\nUid:\t1\t2\t3\t4\nNSpid:\t4711\t20\t7\nNSpgid:\t1\n");
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->inner_pid, 7U);
  EXPECT_EQ(owner->user, 2U);
  EXPECT_FALSE(parse_perf_map_owner("Name:\tjava\nUid:\t1\t2\t3\t4\n"));
  EXPECT_FALSE(parse_perf_map_owner("NSpid:\t7\nUid:\t1\n"));
  EXPECT_FALSE(parse_perf_map_owner(""));
}

}  // namespace
}  // namespace hostlens::kernel
