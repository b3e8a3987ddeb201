// SPDX-License-Identifier: Apache-2.0
#include "kernel/code_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
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
    std::filesystem::create_directories(top_ + "/container/usr/lib/debug");
    write("/container/usr/lib/debug/f", "inside");
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
    const auto file = open_below(top_ + "/container", path);
    if (!file) return file.error().kind == base::Error::Kind::kNotFound ? "none" : "refused";
    char text[32];
    const ssize_t size = ::read(file.value().get(), text, sizeof text);
    return {text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }

  std::string top_;
};

TEST_F(OpenBelowTest, OpensAFileAndFollowsLinksBelowTheRoot) {
  link("/usr/lib/debug/f", "/container/absolute");
  link("usr/lib/debug", "/container/folder");
  EXPECT_EQ(content("/usr/lib/debug/f"), "inside");
  EXPECT_EQ(content("/absolute"), "inside");
  EXPECT_EQ(content("/folder/f"), "inside");
  EXPECT_EQ(content("/usr/lib/debug/g"), "none");
}

TEST_F(OpenBelowTest, NoLinkLeadsOutOfTheRoot) {
  link(top_ + "/f", "/container/absolute");
  link("../f", "/container/relative");
  link("/proc/self/root" + top_ + "/f", "/container/magic");
  EXPECT_EQ(content("/absolute"), "none");
  EXPECT_EQ(content("/relative"), "none");
  EXPECT_EQ(content("/magic"), "none");
  EXPECT_EQ(content("/../f"), "none");
}

TEST_F(OpenBelowTest, OnlyRegularFilesAreOpenedAndNoFifoIsWaitedFor) {
  ASSERT_EQ(::mkfifo((top_ + "/container/fifo").c_str(), 0600), 0);
  EXPECT_EQ(content("/fifo"), "none");
  EXPECT_EQ(content("/usr"), "none");
}

TEST_F(OpenBelowTest, DebugSymbolsAreThoseOfTheProcessesRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "chroot needs root";
  std::filesystem::create_directories(top_ + "/container/usr/lib/debug/.build-id/ab");
  write("/container/usr/lib/debug/.build-id/ab/cdef0123.debug", "symbols");
  int ready[2];
  int end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(end[1]);
    char byte = ::chroot((top_ + "/container").c_str()) == 0 ? 'y' : 'n';
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

TEST_F(OpenBelowTest, ALinkedDebugFileIsFoundByTheMappingAndMustBeAnElfFile) {
  std::filesystem::create_directories(top_ + "/container/bin/.debug");
  std::filesystem::copy_file("/bin/true", top_ + "/container/bin/program");
  const std::string program = top_ + "/container/bin/program";
  const base::UniqueFd file(::open(program.c_str(), O_RDONLY | O_CLOEXEC));
  const size_t bytes = 4096;
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const auto start = reinterpret_cast<uint64_t>(mapped);
  LocalCodeFiles files;
  const model::ProcessKey self{.pid = static_cast<uint32_t>(::getpid())};
  const auto opens = [&](DebugFolder folder, const std::string& name) {
    return files.open_linked_debug_file(self, start, start + bytes, folder, name).has_value();
  };
  write("/container/bin/a.debug",
        "\x7f"
        "ELF and more");
  if (!opens(DebugFolder::kBeside, "a.debug") && ::geteuid() != 0) {
    ::munmap(mapped, bytes);
    GTEST_SKIP() << "the links of map_files need root";
  }
  EXPECT_TRUE(opens(DebugFolder::kBeside, "a.debug"));
  EXPECT_FALSE(opens(DebugFolder::kDotDebug, "a.debug"));
  EXPECT_FALSE(opens(DebugFolder::kBeside, "program")) << "it is its own debug file";
  EXPECT_FALSE(opens(DebugFolder::kBeside, "../a.debug"));
  write("/container/bin/.debug/b.debug",
        "\x7f"
        "ELF and more");
  EXPECT_TRUE(opens(DebugFolder::kDotDebug, "b.debug"));
  write("/container/bin/secret", "no program");
  EXPECT_FALSE(opens(DebugFolder::kBeside, "secret"));
  EXPECT_FALSE(
      files.open_linked_debug_file(self, start, start + 1, DebugFolder::kBeside, "a.debug"))
      << "no such mapping";
  ::munmap(mapped, bytes);
}

TEST(LinkedDebugPathTest, PathsAreThoseOfGdb) {
  const auto path = [](DebugFolder folder, const std::string& name = "a.debug") {
    return linked_debug_path("/usr/bin/a", "/", folder, name);
  };
  EXPECT_EQ(path(DebugFolder::kBeside), "/usr/bin/a.debug");
  EXPECT_EQ(path(DebugFolder::kDotDebug), "/usr/bin/.debug/a.debug");
  EXPECT_EQ(path(DebugFolder::kDebugRoot), "/usr/lib/debug/usr/bin/a.debug");
  EXPECT_EQ(path(DebugFolder::kBeside, "a"), "") << "the stripped file itself";
  EXPECT_EQ(path(DebugFolder::kDebugRoot, "a"), "/usr/lib/debug/usr/bin/a");
}

TEST(LinkedDebugPathTest, ARootOfTheProcessIsLeftOut) {
  const auto path = [](std::string_view file, std::string_view root) {
    return linked_debug_path(file, root, DebugFolder::kBeside, "a.debug");
  };
  EXPECT_EQ(path("/srv/container/bin/a", "/srv/container"), "/bin/a.debug");
  EXPECT_EQ(path("/a (deleted)", "/"), "/a.debug");
  EXPECT_EQ(path("/srv/containered/a", "/srv/container"), "");
  EXPECT_EQ(path("/bin/a", "/srv/container"), "");
  EXPECT_EQ(path("/bin/a", ""), "");
  EXPECT_EQ(path("", "/"), "");
  EXPECT_EQ(path("socket:[1]", "/"), "");
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
