// SPDX-License-Identifier: Apache-2.0
// File systems that never answer: as functions that block, and as a real one.
#include "scrapers/mount_prober.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <thread>

#include "base/unique_fd.h"
#include "scrapers/filesystem_scraper.h"
#include "unit/scrapers/host_fixture.h"

namespace hostlens::scrapers {
namespace {

using namespace std::chrono_literals;
using Outcome = MountReading::Outcome;

Mount mount_at(const std::string& point) {
  Mount mount;
  mount.point = point;
  mount.root = "/";
  mount.type = "ext4";
  return mount;
}

/// Points that begin with "/dead" block until the object goes.
class MountProberTest : public testing::Test {
 protected:
  ~MountProberTest() override { release(); }
  void release() {
    if (!released_.exchange(true)) gate_.set_value();
  }

  ReadMount reader() {
    return [gate = open_, asked = asked_](const Mount& mount) {
      ++*asked;
      if (mount.point.starts_with("/dead")) gate.wait();
      MountReading reading;
      reading.outcome = Outcome::kRead;
      reading.total_bytes = mount.point.size();
      return reading;
    };
  }

  std::promise<void> gate_;
  std::shared_future<void> open_ = gate_.get_future().share();
  std::shared_ptr<std::atomic<int>> asked_ = std::make_shared<std::atomic<int>>(0);
  std::atomic<bool> released_{false};
};

TEST_F(MountProberTest, TheRestAnswersWhenOneNeverDoes) {
  MountProber prober(reader(), 20ms);
  const auto readings = prober.read({mount_at("/a"), mount_at("/dead"), mount_at("/bb")});
  ASSERT_EQ(readings.size(), 3U);
  EXPECT_EQ(readings[0].outcome, Outcome::kRead);
  EXPECT_EQ(readings[1].outcome, Outcome::kStuck);
  EXPECT_EQ(readings[2].outcome, Outcome::kRead);
  EXPECT_EQ(readings[2].total_bytes, 3U);
}

TEST_F(MountProberTest, AStuckMountIsNotAskedAgainUntilItsThreadIsBack) {
  MountProber prober(reader(), 20ms);
  (void)prober.read({mount_at("/dead")});
  EXPECT_EQ(*asked_, 1);
  EXPECT_EQ(prober.read({mount_at("/dead")})[0].outcome, Outcome::kStuck);
  EXPECT_EQ(*asked_, 1);
  EXPECT_EQ(prober.given_up(), 1U);
  release();
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  Outcome outcome = Outcome::kStuck;
  while (outcome == Outcome::kStuck && std::chrono::steady_clock::now() < deadline) {
    outcome = prober.read({mount_at("/dead")})[0].outcome;
  }
  EXPECT_EQ(outcome, Outcome::kRead);
  EXPECT_EQ(prober.given_up(), 0U);
}

TEST_F(MountProberTest, SoManyThreadsHangAndNoMore) {
  MountProber prober(reader(), 2ms);
  std::vector<Mount> mounts;
  for (size_t i = 0; i < 3 * MountProber::kMaxGivenUp; ++i) {
    mounts.push_back(mount_at("/dead" + std::to_string(i)));
  }
  mounts.push_back(mount_at("/good"));
  for (int round = 0; round < 3; ++round) {
    for (const MountReading& reading : prober.read(mounts)) {
      EXPECT_EQ(reading.outcome, Outcome::kStuck);
    }
  }
  EXPECT_EQ(prober.given_up(), MountProber::kMaxGivenUp);
  // On a busy machine a thread is given up before it has begun; it begins all the same.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (*asked_ < static_cast<int>(MountProber::kMaxGivenUp) &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(*asked_, static_cast<int>(MountProber::kMaxGivenUp));
}

TEST_F(MountProberTest, TheScraperTellsWhichOneIsStuckAndTheSpaceOfTheOthers) {
  FilesystemScraper scraper(
      [inner = reader()](const Mount& mount) {
        Mount renamed = mount;
        if (mount.point == "/mnt/nfs") renamed.point = "/dead";
        return inner(renamed);
      },
      20ms);
  ScraperRun run(fixture("server"));
  const Points points = run(scraper);
  const std::string nfs =
      "{system.device=10.0.0.9:/export,system.filesystem.mode=rw,"
      "system.filesystem.mountpoint=/mnt/nfs,system.filesystem.type=nfs4}";
  EXPECT_EQ(value(points, "hostlens.filesystem.stuck" + nfs), 1.0);
  EXPECT_FALSE(points.contains("system.filesystem.limit" + nfs));
  EXPECT_EQ(run.errors(Reason::kStuck), 1U);
  EXPECT_TRUE(
      points.contains("system.filesystem.limit{system.device=/dev/sda4,system.filesystem.mode=rw,"
                      "system.filesystem.mountpoint=/data,system.filesystem.type=ext4}"));
}

/// In a child with mounts of its own: a FUSE file system whose server never reads a request.
int probe_a_real_dead_mount() {
  constexpr int kCannot = 77;
  if (::unshare(CLONE_NEWNS) != 0) return kCannot;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kCannot;
  const base::UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse) return kCannot;
  const TemporaryTree tree;
  const std::string options =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  if (::mount("dead", tree.path().c_str(), "fuse.dead", MS_NODEV | MS_NOSUID, options.c_str()) !=
      0) {
    return kCannot;
  }
  HostRoots roots;
  MountProber prober([](const Mount& mount) { return read_mount("", mount); }, 300ms);
  const auto start = std::chrono::steady_clock::now();
  const auto readings = prober.read({mount_at(tree.path()), mount_at("/proc")});
  const bool quick = std::chrono::steady_clock::now() - start < 10s;
  ::umount2(tree.path().c_str(), MNT_DETACH);
  const bool right =
      readings[0].outcome == Outcome::kStuck && readings[1].outcome != Outcome::kStuck;
  return right && quick ? 0 : 1;
}

TEST(DeadMountTest, ARealFileSystemWithoutAServerHoldsNothingUp) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(probe_a_real_dead_mount());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no mount namespace or no FUSE here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ReadMountTest, TellsThisHostsRootAsStatvfsDoes) {
  struct stat place {};
  struct statvfs space {};
  ASSERT_EQ(::stat("/", &place), 0);
  ASSERT_EQ(::statvfs("/", &space), 0);
  Mount mount = mount_at("/");
  mount.major = major(place.st_dev);
  mount.minor = minor(place.st_dev);
  const MountReading reading = read_mount("", mount);
  EXPECT_EQ(reading.outcome, Outcome::kRead);
  EXPECT_EQ(reading.total_bytes, space.f_blocks * space.f_frsize);
  EXPECT_EQ(reading.total_inodes, space.f_files);
  mount.minor += 1;
  EXPECT_EQ(read_mount("", mount).outcome, Outcome::kHidden);
  EXPECT_EQ(read_mount("/no/such/root", mount).outcome, Outcome::kRefused);
}

}  // namespace
}  // namespace hostlens::scrapers
