// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace hostlens::kernel {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPiece = 64 << 10;

class DebugCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "debug_cache_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  [[nodiscard]] fs::path folder() const { return root_ / "a" / "b"; }
  [[nodiscard]] std::unique_ptr<LocalDebugCache> open(uint64_t max_bytes = 4 * kPiece) const {
    auto cache = LocalDebugCache::open(folder(), max_bytes);
    EXPECT_TRUE(cache) << cache.error().text();
    return cache ? *std::move(cache) : nullptr;
  }
  static base::Result<void> store(LocalDebugCache& cache, const std::string& build_id,
                                  uint64_t bytes) {
    auto file = cache.new_file();
    if (!file) return std::move(file).error();
    const std::string contents(bytes, 'x');
    EXPECT_EQ(::write(file->get(), contents.data(), contents.size()),
              static_cast<ssize_t>(contents.size()));
    return cache.keep(build_id);
  }
  /// As if it had been used at that second.
  void used_at(const std::string& build_id, time_t second) const {
    const timespec times[] = {{second, 0}, {0, UTIME_OMIT}};
    const fs::path path = folder() / (build_id + ".debug");
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  [[nodiscard]] bool has(const std::string& build_id) const {
    return fs::exists(folder() / (build_id + ".debug"));
  }

  fs::path root_;
};

TEST_F(DebugCacheTest, AFileIsThereOnceItIsKeptAndReadsAsItWasWritten) {
  const auto cache = open();
  EXPECT_EQ(cache->open_cached("aabb").error().kind, base::Error::Kind::kNotFound);
  ASSERT_TRUE(store(*cache, "aabb", kPiece));
  const auto file = cache->open_cached("aabb");
  ASSERT_TRUE(file) << file.error().text();
  struct stat status {};
  ASSERT_EQ(::fstat(file->get(), &status), 0);
  EXPECT_EQ(status.st_size, static_cast<off_t>(kPiece));
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(::write(file->get(), "x", 1), -1) << "read-only";
}

TEST_F(DebugCacheTest, WhatIsNotKeptLeavesNothingBehind) {
  const auto cache = open();
  {
    auto file = cache->new_file();
    ASSERT_TRUE(file);
    ASSERT_EQ(::write(file->get(), "half", 4), 4);
    ASSERT_TRUE(cache->new_file());
  }
  EXPECT_TRUE(fs::is_empty(folder()));
  ASSERT_TRUE(cache->keep("aabb")) << "the second one";
  EXPECT_FALSE(cache->keep("ccdd")) << "it has its name already";
  EXPECT_EQ(fs::file_size(folder() / "aabb.debug"), 0U);
}

TEST_F(DebugCacheTest, TheOneThatWasNotUsedForTheLongestTimeMakesRoom) {
  const auto cache = open();
  for (const char* id : {"aa01", "aa02", "aa03", "aa04"}) ASSERT_TRUE(store(*cache, id, kPiece));
  used_at("aa01", 400);
  used_at("aa02", 100);
  used_at("aa03", 300);
  used_at("aa04", 200);
  ASSERT_TRUE(cache->open_cached("aa02")) << "used now";
  ASSERT_TRUE(store(*cache, "aa05", 2 * kPiece));
  EXPECT_TRUE(has("aa01"));
  EXPECT_TRUE(has("aa02"));
  EXPECT_FALSE(has("aa03"));
  EXPECT_FALSE(has("aa04"));
  EXPECT_TRUE(has("aa05"));
}

TEST_F(DebugCacheTest, AFileThatIsLargerThanTheCacheRemovesNone) {
  const auto cache = open();
  ASSERT_TRUE(store(*cache, "aa01", kPiece));
  EXPECT_EQ(store(*cache, "aa02", 5 * kPiece).error().kind, base::Error::Kind::kBusy);
  EXPECT_TRUE(has("aa01"));
  EXPECT_FALSE(has("aa02"));
}

TEST_F(DebugCacheTest, AFileOfTheSameNameIsReplaced) {
  const auto cache = open();
  ASSERT_TRUE(store(*cache, "aa01", kPiece));
  ASSERT_TRUE(store(*cache, "aa01", 2 * kPiece));
  EXPECT_EQ(fs::file_size(folder() / "aa01.debug"), 2 * kPiece);
}

TEST_F(DebugCacheTest, WhatIsNotOfTheCacheStays) {
  fs::create_directories(folder());
  std::ofstream(folder() / "notes.txt") << std::string(8 * kPiece, 'x');
  const auto cache = open();
  ASSERT_TRUE(store(*cache, "aa01", kPiece));
  EXPECT_TRUE(fs::exists(folder() / "notes.txt"));
}

TEST_F(DebugCacheTest, NamesThatAreNoBuildIdsAreRefused) {
  const auto cache = open();
  for (const char* id : {"", "aa", "aab", "AABB", "../../etc/passwd", "aa/bb",
                         "00000000000000000000000000000000000000000000"}) {
    EXPECT_EQ(cache->open_cached(id).error().kind, base::Error::Kind::kInvalid) << id;
    ASSERT_TRUE(cache->new_file());
    EXPECT_EQ(cache->keep(id).error().kind, base::Error::Kind::kInvalid) << id;
  }
}

TEST_F(DebugCacheTest, ALinkInTheFolderLeadsNowhere) {
  const auto cache = open();
  fs::create_symlink("/etc/passwd", folder() / "aabb.debug");
  EXPECT_FALSE(cache->open_cached("aabb"));
}

TEST_F(DebugCacheTest, AFolderThatOthersMayWriteToIsRefused) {
  fs::create_directories(folder());
  fs::permissions(folder(), fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(LocalDebugCache::open(folder(), kPiece).error().kind, base::Error::Kind::kDenied);
  fs::permissions(folder(), fs::perms::owner_all);
  EXPECT_TRUE(LocalDebugCache::open(folder(), kPiece));
  fs::create_symlink(folder(), root_ / "link");
  EXPECT_FALSE(LocalDebugCache::open(root_ / "link", kPiece));
}

}  // namespace
}  // namespace hostlens::kernel
