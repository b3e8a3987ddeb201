// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace hostlens::kernel {
namespace {

constexpr size_t kPage = 4096;

/// Two pages of our own, behind which nothing can be read.
class ProcessMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    void* const pages =
        ::mmap(nullptr, 3 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    pages_ = static_cast<char*>(pages);
    std::memset(pages_, 'x', 2 * kPage);
    ASSERT_EQ(::mprotect(pages_ + 2 * kPage, kPage, PROT_NONE), 0);
  }
  void TearDown() override { ::munmap(pages_, 3 * kPage); }
  [[nodiscard]] base::Result<std::vector<std::byte>> read(size_t offset, uint32_t bytes) {
    return memory_.read_memory(self_, reinterpret_cast<uint64_t>(pages_) + offset, bytes);
  }

  char* pages_ = nullptr;
  bool allowed_ = true;
  bool same_ = true;
  const model::ProcessKey self_{static_cast<uint32_t>(::getpid()), 1};
  LocalProcessMemory memory_{[this](uint32_t) { return allowed_; },
                             [this](model::ProcessKey) { return same_; }};
};

TEST_F(ProcessMemoryTest, ReadsWhatIsThere) {
  pages_[kPage - 1] = 'a';
  pages_[kPage] = 'b';
  const auto bytes = read(kPage - 1, 2);
  ASSERT_TRUE(bytes) << bytes.error().text();
  EXPECT_EQ(std::memcmp(bytes->data(), "ab", 2), 0);
}

TEST_F(ProcessMemoryTest, EndsWhereThePagesEnd) {
  const auto bytes = read(2 * kPage - 10, 100);
  ASSERT_TRUE(bytes) << bytes.error().text();
  EXPECT_EQ(bytes->size(), 10U);
}

TEST_F(ProcessMemoryTest, WithoutAnyOfItThereIsNothing) {
  const auto bytes = read(2 * kPage, 100);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, base::Error::Kind::kNotFound);
}

TEST_F(ProcessMemoryTest, RefusesProcessesThatMayNotBeRead) {
  allowed_ = false;
  const auto bytes = read(0, 1);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, base::Error::Kind::kDenied);
}

TEST_F(ProcessMemoryTest, TellsNothingOfAProcessThatTookTheNumber) {
  same_ = false;
  const auto bytes = read(0, 1);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, base::Error::Kind::kNotFound);
}

TEST_F(ProcessMemoryTest, RefusesSizesAndAddressesThatCannotBe) {
  EXPECT_FALSE(read(0, 0));
  EXPECT_FALSE(read(0, ProcessMemory::kMostBytes + 1));
  EXPECT_FALSE(memory_.read_memory(self_, UINT64_MAX - 2, 10));
}

}  // namespace
}  // namespace hostlens::kernel
