// SPDX-License-Identifier: Apache-2.0
// Requests to a disk of the test's own: numbers, bytes and times are those that the kernel counts.
#include <linux/fs.h>

#include <functional>

#include "base/clock.h"
#include "bpf/kernel_signals.h"
#include "bpf/loop_disk.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr size_t kBlock = 4096;

class DiskTest : public ::testing::Test {
 protected:
  struct Sums {
    uint64_t requests = 0;
    uint64_t device_ns = 0;
    uint64_t queued = 0;
    uint64_t queue_ns = 0;
    uint64_t bytes = 0;
  };

  static void SetUpTestSuite() {
    signals_ = KernelSignals::open(why_not_);
    if (signals_) disk_ = LoopDisk::make(why_not_);
  }
  static void TearDownTestSuite() {
    disk_.reset();
    signals_.reset();
  }
  void SetUp() override {
    if (!signals_ || !disk_) GTEST_SKIP() << why_not_;
    ASSERT_EQ(signals_->refusals("disk"), "");
    signals_->read();
  }

  /// What a target does on the disk; its process id.
  static uint32_t run(const std::function<void(int disk, std::byte* block)>& body) {
    return signals_->run_target([&] {
      const int fd = ::open(disk_->path().c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
      auto* block = static_cast<std::byte*>(
          ::mmap(nullptr, 4 * kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      body(fd, block);
    });
  }
  /// Of all owners, or of one process.
  static Sums sums(disk_direction direction, const uint32_t* pid = nullptr) {
    Sums sums;
    for (const Counted& counted : signals_->all()) {
      if (counted.key.detail != disk_->number() || counted.key.label != direction ||
          (pid != nullptr && counted.pid() != *pid)) {
        continue;
      }
      if (counted.key.signal == SIGNAL_DISK_IO) {
        sums.requests += counted.count;
        sums.device_ns += counted.distribution.sum;
      } else if (counted.key.signal == SIGNAL_DISK_QUEUE) {
        sums.queued += counted.count;
        sums.queue_ns += counted.distribution.sum;
      } else if (counted.key.signal == SIGNAL_DISK_SIZE) {
        sums.bytes += counted.distribution.sum;
      }
    }
    return sums;
  }
  /// Whether every instruction is emulated (qemu's tcg): what is between two clocks takes
  /// milliseconds.
  static bool emulated() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
      if (line.find("TCG") != std::string::npos) return true;
    }
    return false;
  }
  /// The kernel's clock starts where ours does and is read after ours, so that ours is never longer
  /// by more than the millisecond it rounds down to. In between it runs the rest of our program,
  /// lets go of the request's pages, and may lose the CPU: a tenth, and 2 ms per request. Emulated,
  /// on a busy host, that was two thirds of all time; a quarter of it then still tells seconds from
  /// milliseconds, and no more.
  static void expect_same(const Sums& ours, const DiskStat::Kind& kernels) {
    EXPECT_EQ(ours.requests, kernels.requests);
    EXPECT_EQ(ours.queued, kernels.requests);
    EXPECT_EQ(ours.bytes, kernels.bytes);
    const uint64_t ours_ns = ours.device_ns + ours.queue_ns;
    EXPECT_LE(ours_ns, (kernels.ms + 1) * kMs);
    if (emulated()) {
      EXPECT_GE(ours_ns, kernels.ms * kMs / 4);
    } else {
      EXPECT_GE(ours_ns + kernels.requests * 2 * kMs, kernels.ms * kMs * 9 / 10);
    }
  }

  static inline std::unique_ptr<KernelSignals> signals_;
  static inline std::unique_ptr<LoopDisk> disk_;
  static inline std::string why_not_;
};

TEST_F(DiskTest, ReadsWritesAndDiscardsOfATargetAreItsOwn) {
  const DiskStat before = disk_->stat();
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint32_t pid = run([](int fd, std::byte* block) {
    for (int i = 0; i < 50; ++i) (void)!::pread(fd, block, kBlock, i * 8 * 4096);
    for (int i = 0; i < 20; ++i) (void)!::pwrite(fd, block, 2 * kBlock, i * 8 * 4096);
    for (uint64_t i = 0; i < 3; ++i) {
      const uint64_t range[2] = {i << 20, 1 << 20};
      ::ioctl(fd, BLKDISCARD, range);
    }
  });
  const uint64_t wall_ns = base::monotonic_now_ns() - begin_ns;
  signals_->read();
  const DiskStat kernels = disk_->stat() - before;
  EXPECT_EQ(kernels.read.requests, 50U);
  EXPECT_EQ(kernels.write.requests, 20U);
  EXPECT_EQ(kernels.discard.requests, 3U);
  expect_same(sums(DISK_READ, &pid), kernels.read);
  expect_same(sums(DISK_WRITE, &pid), kernels.write);
  expect_same(sums(DISK_DISCARD, &pid), kernels.discard);
  EXPECT_EQ(sums(DISK_READ, &pid).bytes, 50 * kBlock);
  EXPECT_EQ(sums(DISK_WRITE, &pid).bytes, 20 * 2 * kBlock);
  EXPECT_EQ(sums(DISK_DISCARD, &pid).bytes, 3U << 20);
  // One after another: they fit into the time that it all took.
  EXPECT_LE(sums(DISK_READ).device_ns + sums(DISK_WRITE).device_ns + sums(DISK_DISCARD).device_ns,
            wall_ns);
  for (const Counted& counted : signals_->of(pid, SIGNAL_DISK_SIZE)) {
    if (counted.key.label != DISK_READ) continue;
    EXPECT_EQ(counted.distribution.slots[12], 50U) << "4,096 bytes are in (2^11, 2^12]";
  }
}

/// What is in the page cache is written by whoever finds it, in as few requests as possible.
TEST_F(DiskTest, MergedRequestsCountOnce) {
  const DiskStat before = disk_->stat();
  run([](int, std::byte* block) {
    const int fd = ::open(disk_->path().c_str(), O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 1024; ++i) (void)!::pwrite(fd, block, kBlock, i * 4096);
    // Unlike fdatasync, without a flush.
    ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  });
  signals_->read();
  const DiskStat kernels = disk_->stat() - before;
  EXPECT_GE(kernels.write.requests, 1U);
  EXPECT_LT(kernels.write.requests, 1024U) << "nothing was merged";
  expect_same(sums(DISK_WRITE), kernels.write);
  EXPECT_EQ(kernels.write.bytes, 1024 * kBlock);
}

/// A flush empties the device's cache for everybody who waits: it is nobody's own.
TEST_F(DiskTest, FlushesAreRequestsOfTheirOwn) {
  const DiskStat before = disk_->stat();
  run([](int fd, std::byte* block) {
    for (int i = 0; i < 7; ++i) {
      (void)!::pwrite(fd, block, kBlock, 0);
      ::fdatasync(fd);
    }
  });
  signals_->read();
  const DiskStat kernels = disk_->stat() - before;
  EXPECT_EQ(sums(DISK_FLUSH).requests, kernels.flush.requests);
  EXPECT_EQ(kernels.flush.requests, 7U);
  EXPECT_EQ(sums(DISK_FLUSH).bytes, 0U);
  // To the kernel, who asks for a flush makes a write without bytes; no device ever sees that one.
  EXPECT_EQ(sums(DISK_WRITE).requests, kernels.write.requests - kernels.flush.requests);
  EXPECT_EQ(sums(DISK_WRITE).requests, 7U);
}

TEST_F(DiskTest, WhoIsNoTargetHasHisCgroup) {
  std::array<std::byte, kBlock> spare{};
  const int fd = ::open(disk_->path().c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  const DiskStat before = disk_->stat();
  ASSERT_EQ(::pread(fd, spare.data(), kBlock, 48 << 20), static_cast<ssize_t>(kBlock));
  ::close(fd);
  signals_->read();
  const DiskStat kernels = disk_->stat() - before;
  ASSERT_GE(kernels.read.requests, 1U);
  uint64_t requests = 0;
  for (const Counted& counted : signals_->all()) {
    if (counted.key.signal != SIGNAL_DISK_IO || counted.key.detail != disk_->number()) continue;
    EXPECT_LT(counted.key.owner, SIGNAL_OWNER_KERNEL);
    EXPECT_GT(counted.key.owner, SIGNAL_OWNER_HOST);
    requests += counted.count;
  }
  EXPECT_EQ(requests, kernels.read.requests);
}

TEST_F(DiskTest, FailedRequestsAreCountedWithTheirError) {
  ASSERT_EQ(::fcntl(disk_->memory(), F_ADD_SEALS, F_SEAL_WRITE), 0) << std::strerror(errno);
  const DiskStat before = disk_->stat();
  const uint32_t pid = run([](int fd, std::byte* block) {
    for (int i = 0; i < 4; ++i) {
      if (::pwrite(fd, block, kBlock, i * 4096) >= 0 || errno != EIO) ::_exit(1);
    }
    (void)!::pread(fd, block, kBlock, 0);
  });
  signals_->read();
  const auto errors = signals_->of(pid, SIGNAL_DISK_ERRORS);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].key.label, DISK_WRITE | EIO << DISK_ERROR_SHIFT);
  EXPECT_EQ(errors[0].key.detail, disk_->number());
  EXPECT_EQ(errors[0].count, 4U);
  EXPECT_EQ(sums(DISK_READ).requests, (disk_->stat() - before).read.requests);
  EXPECT_EQ(sums(DISK_WRITE, &pid).requests, 4U) << "they took time all the same";
  const auto books = signals_->tables().books();
  ASSERT_TRUE(books);
  EXPECT_EQ(books->untracked, 0U);
}

}  // namespace
}  // namespace hostlens::testing
