// SPDX-License-Identifier: Apache-2.0
#include "kernel/code_files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hostlens::kernel {
namespace {

/// A folder that stands for a container's root, with a secret beside it.
class OpenBelowTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "root-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    std::filesystem::create_directories(top_ + "/root/usr/lib/debug");
    write("/root/usr/lib/debug/f", "inside");
    write("/f", "outside");
  }
  void TearDown() override { std::filesystem::remove_all(top_); }
  void write(const std::string& path, const std::string& text) const {
    std::ofstream(top_ + path) << text;
  }
  void link(const std::string& target, const std::string& path) const {
    ASSERT_EQ(::symlink(target.c_str(), (top_ + path).c_str()), 0);
  }
  [[nodiscard]] std::string content(const std::string& path) const {
    const auto file = open_below(top_ + "/root", path);
    if (!file) return file.error().kind == base::Error::Kind::kNotFound ? "none" : "refused";
    char text[32];
    const ssize_t size = ::read(file.value().get(), text, sizeof text);
    return {text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }

  std::string top_;
};

TEST_F(OpenBelowTest, OpensAFileAndFollowsLinksBelowTheRoot) {
  link("/usr/lib/debug/f", "/root/absolute");
  link("usr/lib/debug", "/root/folder");
  EXPECT_EQ(content("/usr/lib/debug/f"), "inside");
  EXPECT_EQ(content("/absolute"), "inside");
  EXPECT_EQ(content("/folder/f"), "inside");
  EXPECT_EQ(content("/usr/lib/debug/g"), "none");
}

TEST_F(OpenBelowTest, NoLinkLeadsOutOfTheRoot) {
  link(top_ + "/f", "/root/absolute");
  link("../f", "/root/relative");
  link("/proc/self/root" + top_ + "/f", "/root/magic");
  EXPECT_EQ(content("/absolute"), "none");
  EXPECT_EQ(content("/relative"), "none");
  EXPECT_EQ(content("/magic"), "none");
  EXPECT_EQ(content("/../f"), "none");
}

TEST_F(OpenBelowTest, OnlyRegularFilesAreOpenedAndNoFifoIsWaitedFor) {
  ASSERT_EQ(::mkfifo((top_ + "/root/fifo").c_str(), 0600), 0);
  EXPECT_EQ(content("/fifo"), "none");
  EXPECT_EQ(content("/usr"), "none");
}

TEST_F(OpenBelowTest, DebugSymbolsAreThoseOfTheProcessesRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "chroot needs root";
  std::filesystem::create_directories(top_ + "/root/usr/lib/debug/.build-id/ab");
  write("/root/usr/lib/debug/.build-id/ab/cdef0123.debug", "symbols");
  int ready[2];
  int end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(end[1]);
    char byte = ::chroot((top_ + "/root").c_str()) == 0 ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) == 1) (void)!::read(end[0], &byte, 1);
    ::_exit(0);
  }
  char there = 'n';
  EXPECT_EQ(::read(ready[0], &there, 1), 1);
  EXPECT_EQ(there, 'y');
  LocalCodeFiles files;
  const model::ProcessKey process{.pid = static_cast<uint32_t>(child)};
  EXPECT_TRUE(files.open_debug_symbols(process, "abcdef0123"));
  EXPECT_FALSE(files.open_debug_symbols(process, "abcdef0124"));
  EXPECT_FALSE(files.open_debug_symbols(std::nullopt, "abcdef0123"));
  for (const int fd : {ready[0], ready[1], end[0], end[1]}) ::close(fd);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST(LocalCodeFilesTest, WhatIsNoBuildIdIsNoPath) {
  LocalCodeFiles files;
  for (const char* text : {"", "ab", "../../etc/passwd", "AB12", "ab/cd"}) {
    const auto file = files.open_debug_symbols(std::nullopt, text);
    ASSERT_FALSE(file) << text;
    EXPECT_EQ(file.error().kind, base::Error::Kind::kInvalid);
  }
}

}  // namespace
}  // namespace hostlens::kernel
