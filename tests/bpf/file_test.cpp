// SPDX-License-Identifier: Apache-2.0
// Every fsync, read, write and open of a file as often as the test made it, and as long as it saw
// it take.
#include <sys/uio.h>

#include "base/clock.h"
#include "bpf/ext4_mount.h"
#include "bpf/kernel_signals.h"

namespace hostlens::testing {
namespace {

class FileTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    signals_ = KernelSignals::open(why_not_);
    if (signals_) mount_ = Ext4Mount::make(why_not_);
  }
  static void TearDownTestSuite() {
    mount_.reset();
    signals_.reset();
  }
  void SetUp() override {
    if (!signals_ || !mount_) GTEST_SKIP() << why_not_;
    shared_ns() = 0;  // mapped now, before there are children
    signals_->read();
  }

  static bool attached(const std::string& probe) {
    const auto& hooks = signals_->report().hooks;
    return std::any_of(hooks.begin(), hooks.end(), [&](const kernel::HookReport& hook) {
      return hook.probe == probe && hook.attached;
    });
  }
  /// On the mount only: the process may do as much elsewhere.
  static Counted one(uint32_t pid, kernel_signal signal, uint16_t label) {
    for (const Counted& counted : signals_->of(pid, signal)) {
      if (counted.key.label == label && counted.key.detail == mount_->disk().number()) {
        return counted;
      }
    }
    return {};
  }
  /// The time that a child has spent in timed().
  static uint64_t& shared_ns() {
    static auto* const word = static_cast<uint64_t*>(
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    return *word;
  }
  template <typename Call>
  static void timed(Call call) {
    const uint64_t begin_ns = base::monotonic_now_ns();
    if (call() < 0) ::_exit(1);
    shared_ns() += base::monotonic_now_ns() - begin_ns;
  }
  /// What the child saw includes the system call around it, and whoever took the CPU there.
  static void expect(const Counted& counted, uint64_t count) {
    EXPECT_EQ(counted.count, count);
    EXPECT_LE(counted.distribution.sum, shared_ns());
    EXPECT_GT(counted.distribution.sum, 0U);
  }

  static inline std::unique_ptr<KernelSignals> signals_;
  static inline std::unique_ptr<Ext4Mount> mount_;
  static inline std::string why_not_;
};

TEST_F(FileTest, EachWaitForTheDiskCountsForItsFileSystem) {
  ASSERT_TRUE(attached("fsync")) << signals_->refusals("fsync");
  const uint32_t pid = signals_->run_target([] {
    const int fd = ::open(mount_->path("file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const int at_once = ::open(mount_->path("file").c_str(), O_WRONLY | O_DSYNC | O_CLOEXEC);
    for (int i = 0; i < 10; ++i) {
      if (::pwrite(fd, "x", 1, i * 4096) != 1) ::_exit(1);
      timed([&] { return i % 2 == 0 ? ::fsync(fd) : ::fdatasync(fd); });
    }
    timed([&] { return ::pwrite(at_once, "y", 1, 0); });
  });
  signals_->read();
  const Counted syncs = one(pid, SIGNAL_FSYNC, 0);
  expect(syncs, 11);
  // The disk is memory: what is left of a wait without the requests it waits for is the journal's.
  EXPECT_GE(syncs.distribution.sum * 10, shared_ns()) << "most of a fsync is inside the hooks";
}

TEST_F(FileTest, FilesThatTheKernelWritesBackCountForTheirFileSystem) {
  ASSERT_TRUE(attached("writeback")) << signals_->refusals("writeback");
  constexpr int kFiles = 5;
  for (int i = 0; i < kFiles; ++i) {
    const base::UniqueFd fd(::open(mount_->path("later" + std::to_string(i)).c_str(),
                                   O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::write(fd.get(), "x", 1), 1);
  }
  const uint64_t begin_ns = base::monotonic_now_ns();
  // Its own kernel threads write first, and what they did not the caller writes.
  const base::UniqueFd fd(::open(mount_->path(".").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::syncfs(fd.get()), 0);
  const uint64_t wall_ns = base::monotonic_now_ns() - begin_ns;
  signals_->read();
  Counted written;
  for (const Counted& counted : signals_->all()) {
    if (counted.key.signal == SIGNAL_WRITEBACK && counted.key.detail == mount_->disk().number()) {
      written = counted;
    }
  }
  EXPECT_EQ(written.key.owner, SIGNAL_OWNER_KERNEL);
  EXPECT_GE(written.count, uint64_t{kFiles});
  EXPECT_LE(written.distribution.sum, wall_ns);
  EXPECT_GT(written.distribution.sum, 0U);
}

TEST_F(FileTest, WaitsOfOthersAreNotCounted) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open(mount_->path("other").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ::_exit(::write(fd, "x", 1) == 1 && ::fsync(fd) == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  signals_->read();
  for (const Counted& counted : signals_->all()) {
    EXPECT_NE(counted.key.signal, SIGNAL_FSYNC);
    EXPECT_NE(counted.key.signal, SIGNAL_FILE_IO);
  }
}

TEST_F(FileTest, ReadsWritesAndOpensCountByKind) {
  if (!attached("file")) GTEST_SKIP() << signals_->refusals("file");
  const auto run = [](auto body) {
    shared_ns() = 0;
    const uint32_t pid = signals_->run_target(body);
    signals_->read();
    return pid;
  };
  uint32_t pid = run([] {
    const int fd = ::open(mount_->path("data").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 20; ++i) timed([&] { return ::pwrite(fd, "xyz", 3, i * 4096); });
  });
  expect(one(pid, SIGNAL_FILE_IO, FILE_WRITE), 20);
  EXPECT_EQ(one(pid, SIGNAL_FILE_IO, FILE_OPEN).count, 1U);
  pid = run([] {
    char bytes[8];
    iovec parts[2] = {{bytes, 4}, {bytes + 4, 4}};
    const int fd = ::open(mount_->path("data").c_str(), O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 20; ++i) timed([&] { return ::pread(fd, bytes, sizeof(bytes), i * 4096); });
    for (int i = 0; i < 5; ++i) timed([&] { return ::preadv(fd, parts, 2, i * 4096); });
  });
  expect(one(pid, SIGNAL_FILE_IO, FILE_READ), 25);
  EXPECT_EQ(one(pid, SIGNAL_FILE_IO, FILE_WRITE).count, 0U);
  pid = run([] {
    for (int i = 0; i < 30; ++i) {
      timed([&] { return ::open(mount_->path("data").c_str(), O_RDONLY | O_CLOEXEC); });
    }
    if (::open(mount_->path("absent").c_str(), O_RDONLY) >= 0) ::_exit(1);
    if (::open(mount_->path(".").c_str(), O_RDONLY | O_DIRECTORY) < 0) ::_exit(1);
  });
  expect(one(pid, SIGNAL_FILE_IO, FILE_OPEN), 30);
}

TEST_F(FileTest, PipesAndDevicesAreNoFiles) {
  if (!attached("file")) GTEST_SKIP() << signals_->refusals("file");
  const uint32_t pid = signals_->run_target([] {
    int ends[2];
    char byte = 0;
    if (::pipe(ends) != 0 || ::write(ends[1], "x", 1) != 1 || ::read(ends[0], &byte, 1) != 1) {
      ::_exit(1);
    }
    const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (::write(fd, "x", 1) != 1 || ::read(fd, &byte, 1) != 0) ::_exit(1);
  });
  signals_->read();
  EXPECT_TRUE(signals_->of(pid, SIGNAL_FILE_IO).empty());
}

}  // namespace
}  // namespace hostlens::testing
