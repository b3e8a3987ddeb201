// SPDX-License-Identifier: Apache-2.0
#include "kernel/local_host_access.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace hostlens::kernel {
namespace {

/// A /proc of our own with one process, 1234, started at tick 99.
class LocalHostAccessTest : public ::testing::Test {
 protected:
  LocalHostAccessTest() {
    std::filesystem::create_directory(root_ / "1234");
    std::ofstream(root_ / "1234/stat")
        << "1234 (a) name) S 1 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 99 0 0";
    std::ofstream(root_ / "1234/environ") << "KEY=value";
  }
  ~LocalHostAccessTest() override { std::filesystem::remove_all(root_); }

  static std::filesystem::path make_root() {
    std::string name = (std::filesystem::temp_directory_path() / "hostlens-proc-XXXXXX").string();
    return ::mkdtemp(name.data());
  }

  std::filesystem::path root_ = make_root();
  std::array<uint64_t, 64> bits_{};
  TargetTable table_{bits_.data(), bits_.size(), -1};
  LocalHostAccess host_{table_, root_.string()};
};

TEST_F(LocalHostAccessTest, OpensAFileOfTheProcessThatIsMeant) {
  auto fd = host_.open_process_file({1234, 99}, ProcessFile::kEnviron);
  ASSERT_TRUE(fd) << fd.error().text();
  std::array<char, 16> text{};
  EXPECT_EQ(::read(fd->get(), text.data(), text.size()), 9);
  EXPECT_TRUE(host_.open_process_file({1234, 0}, ProcessFile::kEnviron));
}

TEST_F(LocalHostAccessTest, HandsOutACopyOfWhatOnlyItselfMayRead) {
  std::ofstream(root_ / "1234/io") << "rchar: 1\nread_bytes: 4096\n";
  auto fd = host_.open_process_file({1234, 99}, ProcessFile::kIo);
  ASSERT_TRUE(fd) << fd.error().text();
  std::filesystem::remove(root_ / "1234/io");
  std::array<char, 64> text{};
  ASSERT_GT(::pread(fd->get(), text.data(), text.size(), 0), 0);
  EXPECT_STREQ(text.data(), "rchar: 1\nread_bytes: 4096\n");
  EXPECT_LT(::write(fd->get(), "x", 1), 0) << "the worker cannot change it";
  EXPECT_FALSE(host_.open_process_file({1234, 98}, ProcessFile::kIo));
}

TEST_F(LocalHostAccessTest, RefusesAReusedPid) {
  auto fd = host_.open_process_file({1234, 98}, ProcessFile::kEnviron);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().kind, base::Error::Kind::kNotFound);
}

TEST_F(LocalHostAccessTest, MarksOnlyProcessesThatLive) {
  EXPECT_TRUE(host_.set_target({1234, 99}, true));
  EXPECT_TRUE(table_.is_target(1234));
  EXPECT_FALSE(host_.set_target({1234, 98}, false));
  EXPECT_TRUE(table_.is_target(1234));
  EXPECT_TRUE(host_.set_target({1234, 99}, false));
  EXPECT_FALSE(table_.is_target(1234));
  EXPECT_FALSE(host_.set_target({77, 0}, true));
  EXPECT_FALSE(table_.is_target(77));
}

TEST(TargetTableTest, LeavesNeighboursAlone) {
  std::array<uint64_t, 4> bits{};
  TargetTable table(bits.data(), bits.size(), -1);
  ASSERT_TRUE(table.set_process(64, true));
  ASSERT_TRUE(table.set_process(65, true));
  ASSERT_TRUE(table.set_process(64, false));
  EXPECT_FALSE(table.is_target(64));
  EXPECT_TRUE(table.is_target(65));
  EXPECT_FALSE(table.set_process(0, true));
  EXPECT_FALSE(table.set_process(256, true));
  EXPECT_FALSE(table.is_target(256));
}

}  // namespace
}  // namespace hostlens::kernel
