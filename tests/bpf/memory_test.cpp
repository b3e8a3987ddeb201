// SPDX-License-Identifier: Apache-2.0
// Major faults, stalls and kills, each caused here and counted by the kernel as well.
#include <sys/resource.h>

#include <fstream>

#include "base/clock.h"
#include "bpf/kernel_signals.h"
#include "bpf/loop_disk.h"
#include "bpf/memory_cgroup.h"
#include "probes/oom_kills.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kLimit = 32ULL << 20;
constexpr size_t kPage = 4096;
constexpr size_t kPiece = 1 << 20;

class MemoryTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    signals_ = KernelSignals::open(why_not_);
    if (signals_) disk_ = LoopDisk::make(why_no_disk_);
  }
  static void TearDownTestSuite() {
    disk_.reset();
    signals_.reset();
  }
  void SetUp() override {
    if (!signals_) GTEST_SKIP() << why_not_;
    ASSERT_EQ(signals_->refusals("fault"), "");
    ASSERT_EQ(signals_->refusals("memory"), "");
    shared() = 0;  // mapped now, before there are children
    signals_->read();
  }

  /// Of one owner and signal, the values under a label.
  static Counted one(uint32_t pid, kernel_signal signal, uint16_t label) {
    for (const Counted& counted : signals_->of(pid, signal)) {
      if (counted.key.label == label) return counted;
    }
    return {};
  }
  /// The whole disk, none of it in memory, and no more read than is asked for.
  static std::byte* map_disk() {
    const int fd = ::open(disk_->path().c_str(), O_RDONLY | O_CLOEXEC);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    void* mapped = ::mmap(nullptr, LoopDisk::kBytes, PROT_READ, MAP_SHARED, fd, 0);
    ::madvise(mapped, LoopDisk::kBytes, MADV_RANDOM);
    return static_cast<std::byte*>(mapped);
  }
  static uint64_t own_major_faults() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<uint64_t>(used.ru_majflt);
  }
  static uint64_t own_anonymous_pages() {
    uint64_t size = 0;
    uint64_t resident = 0;
    uint64_t of_files = 0;
    std::ifstream("/proc/self/statm") >> size >> resident >> of_files;
    return resident - of_files;
  }
  /// What a child tells us.
  static uint64_t& shared() {
    static auto* const word = static_cast<uint64_t*>(
        ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    return *word;
  }

  static inline std::unique_ptr<KernelSignals> signals_;
  static inline std::unique_ptr<LoopDisk> disk_;
  static inline std::string why_not_, why_no_disk_;
};

TEST_F(MemoryTest, MajorFaultsTakeAsLongAsTheirReads) {
  if (!disk_) GTEST_SKIP() << why_no_disk_;
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint32_t pid = signals_->run_target([] {
    const std::byte* disk = map_disk();
    const uint64_t before = own_major_faults();
    for (size_t i = 0; i < 60; ++i)
      (void)*const_cast<const volatile std::byte*>(disk + i * 64 * kPage);
    shared() = own_major_faults() - before;
  });
  const uint64_t wall_ns = base::monotonic_now_ns() - begin_ns;
  signals_->read();
  const Counted faults = one(pid, SIGNAL_FAULT, FAULT_MAJOR);
  EXPECT_GE(shared(), 60U);
  EXPECT_EQ(faults.count, shared());
  EXPECT_LE(faults.distribution.sum, wall_ns);
  uint64_t reads_ns = 0;
  for (const kernel_signal signal : {SIGNAL_DISK_QUEUE, SIGNAL_DISK_IO}) {
    const Counted reads = one(pid, signal, DISK_READ);
    EXPECT_EQ(reads.count, 60U);
    reads_ns += reads.distribution.sum;
  }
  EXPECT_GE(faults.distribution.sum, reads_ns) << "each waits for its read";
}

TEST_F(MemoryTest, FaultsInSystemCallsCountToo) {
  if (!disk_) GTEST_SKIP() << why_no_disk_;
  const uint32_t pid = signals_->run_target([] {
    int ends[2];
    if (::pipe(ends) != 0) ::_exit(1);
    const uint64_t before = own_major_faults();
    const std::byte* disk = map_disk();
    for (size_t i = 0; i < 10; ++i) (void)!::write(ends[1], disk + (i * 64 + 32) * kPage, 8);
    shared() = own_major_faults() - before;
  });
  signals_->read();
  EXPECT_GE(shared(), 10U);
  EXPECT_EQ(one(pid, SIGNAL_FAULT, FAULT_MAJOR).count, shared());
}

TEST_F(MemoryTest, FaultsOfOthersAreNotCounted) {
  if (!disk_) GTEST_SKIP() << why_no_disk_;
  const pid_t child = ::fork();
  if (child == 0) {
    const uint64_t before = own_major_faults();
    (void)*const_cast<const volatile std::byte*>(map_disk());
    shared() = own_major_faults() - before;
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  signals_->read();
  EXPECT_GE(shared(), 1U);
  for (const Counted& counted : signals_->all()) EXPECT_NE(counted.key.signal, SIGNAL_FAULT);
}

/// Page cache counts for the cgroup of who reads: 64 MiB through 32 MiB.
TEST_F(MemoryTest, StallsAtTheLimitOfACgroupAreItsProcesses) {
  if (!disk_) GTEST_SKIP() << why_no_disk_;
  std::string why_not;
  const auto group = MemoryCgroup::make(kLimit, why_not);
  if (!group) GTEST_SKIP() << why_not;
  const auto elsewhere = [] {
    const auto books = signals_->tables().books();
    EXPECT_TRUE(books);
    return books ? books->lost + books->merged : 0;
  };
  const uint64_t elsewhere_before = elsewhere();
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint32_t pid = signals_->run_target([&] {
    if (!group->join()) ::_exit(1);
    const int fd = ::open(disk_->path().c_str(), O_RDONLY | O_CLOEXEC);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    std::vector<std::byte> piece(1 << 20);
    while (::read(fd, piece.data(), piece.size()) > 0) {
    }
  });
  const uint64_t wall_ns = base::monotonic_now_ns() - begin_ns;
  signals_->read();
  const Counted stalls = one(pid, SIGNAL_RECLAIM_STALL, STALL_MEMCG);
  EXPECT_GE(stalls.count, 1U);
  EXPECT_LE(stalls.distribution.sum, wall_ns);
  EXPECT_GT(stalls.distribution.sum, 0U);
  // Version 1 also counts who may not wait, and goes without.
  if (group->unified()) {
    EXPECT_LE(stalls.count, group->times_full());
    EXPECT_GE(stalls.count + elsewhere() - elsewhere_before, group->times_full());
  } else {
    EXPECT_LE(stalls.count, group->times_full());
  }
}

TEST_F(MemoryTest, CompactionIsAStallOfWhoWaitsForIt) {
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint32_t pid = signals_->run_target([] {
    std::ofstream file("/proc/sys/vm/compact_memory");
    shared() = static_cast<uint64_t>(static_cast<bool>(file << "1" << std::flush));
  });
  const uint64_t wall_ns = base::monotonic_now_ns() - begin_ns;
  signals_->read();
  if (shared() == 0) GTEST_SKIP() << "/proc/sys/vm/compact_memory cannot be written";
  const Counted stalls = one(pid, SIGNAL_RECLAIM_STALL, STALL_COMPACTION);
  EXPECT_GE(stalls.count, 1U);
  EXPECT_LE(stalls.distribution.sum, wall_ns);
}

TEST_F(MemoryTest, AKillAtTheLimitOfACgroupComesWithTheEvidence) {
  std::string why_not;
  const auto group = MemoryCgroup::make(kLimit, why_not);
  if (!group) GTEST_SKIP() << why_not;
  auto last = probes::OomKills::open(base::UniqueFd(::dup(signals_->probes().tables().oom_kills)));
  ASSERT_TRUE(last) << last.error().text();
  ASSERT_TRUE(last->take());
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint32_t pid = signals_->run_target([&] {
    shared() = own_anonymous_pages();
    if (!MemoryCgroup::bounded(4 * kLimit) || !group->join()) ::_exit(1);
    for (uint64_t bytes = 0; bytes < 4 * kLimit; bytes += kPiece) {
      void* more =
          ::mmap(nullptr, kPiece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (more == MAP_FAILED) ::_exit(1);
      std::memset(more, 1, kPiece);
    }
  });
  const uint64_t end_ns = base::monotonic_now_ns();
  signals_->read();
  EXPECT_EQ(group->kills(), 1U) << "the kernel's own count";
  const auto counts = signals_->of(pid, SIGNAL_OOM_KILLS);
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].count, 1U);
  const auto kills = last->take();
  ASSERT_TRUE(kills);
  ASSERT_EQ(kills->size(), 1U);
  const oom_kill& kill = kills->front();
  EXPECT_EQ(kill.owner, counts[0].key.owner);
  EXPECT_EQ(kill.victim_pid, pid);
  EXPECT_STREQ(kill.victim, "bpf_tests");
  EXPECT_EQ(kill.asker_pid, pid) << "nobody else is in that cgroup";
  EXPECT_STREQ(kill.asker, "bpf_tests");
  EXPECT_STREQ(kill.cgroup, MemoryCgroup::kName);
  EXPECT_EQ(kill.limit_pages, kLimit / kPage);
  EXPECT_LE(kill.used_pages, kill.limit_pages);
  EXPECT_GE(kill.used_pages, kill.limit_pages * 15 / 16);
  // What it had before counts for another cgroup. The rest of the limit are page tables and what
  // the kernel's count lags behind, 64 pages per CPU and thread at most.
  EXPECT_LE(kill.anonymous_pages, shared() + kill.limit_pages);
  EXPECT_GE(kill.anonymous_pages, shared() + kill.limit_pages * 3 / 4);
  EXPECT_GT(kill.time_ns, begin_ns);
  EXPECT_LT(kill.time_ns, end_ns);
  EXPECT_TRUE(last->take()->empty()) << "each is told once";
}

}  // namespace
}  // namespace hostlens::testing
