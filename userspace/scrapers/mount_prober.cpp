// SPDX-License-Identifier: Apache-2.0
#include "scrapers/mount_prober.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace hostlens::scrapers {

/// What caller and thread share; outlives the caller when the thread hangs.
struct MountProber::Round {
  std::vector<Mount> mounts;
  ReadMount read;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<MountReading> readings;  ///< of the first mounts
  bool given_up = false;               ///< by the caller: stop after this mount
  bool ended = false;                  ///< the thread

  void work() {
    for (const Mount& mount : mounts) {
      const MountReading reading = read(mount);
      const std::lock_guard lock(mutex);
      if (given_up) break;
      readings.push_back(reading);
      changed.notify_all();
    }
    const std::lock_guard lock(mutex);
    ended = true;
    changed.notify_all();
  }
};

MountReading read_mount(const std::string& root, const Mount& mount) {
  MountReading reading;
  const std::string path = root + mount.point;
  struct stat place {};
  struct statvfs space {};
  if (::stat(path.c_str(), &place) != 0 || ::statvfs(path.c_str(), &space) != 0) return reading;
  // The agent's own mount namespace may hide the directory (ProtectHome= and the like). Subvolumes
  // of btrfs have device numbers of their own.
  const bool own_numbers = mount.type == "btrfs" || mount.type == "bcachefs";
  if (!own_numbers && place.st_dev != makedev(mount.major, mount.minor)) {
    reading.outcome = MountReading::Outcome::kHidden;
    return reading;
  }
  const uint64_t block = space.f_frsize;
  reading.outcome = MountReading::Outcome::kRead;
  reading.total_bytes = space.f_blocks * block;
  reading.free_bytes = space.f_bfree * block;
  reading.available_bytes = space.f_bavail * block;
  reading.total_inodes = space.f_files;
  reading.free_inodes = space.f_ffree;
  return reading;
}

bool MountProber::run(const std::shared_ptr<Round>& round) {
  if (stuck_.size() >= kMaxGivenUp) return false;
  std::thread thread;
  try {
    thread = std::thread([round] { round->work(); });
  } catch (const std::system_error&) {
    return false;  // no thread to be had
  }
  std::unique_lock lock(round->mutex);
  size_t seen = 0;
  while (!round->ended) {
    if (round->changed.wait_for(lock, patience_) == std::cv_status::timeout && !round->ended &&
        round->readings.size() == seen) {
      round->given_up = true;
      stuck_[round->mounts[seen].point] = round;
      thread.detach();
      return true;
    }
    seen = round->readings.size();
  }
  lock.unlock();
  thread.join();
  return true;
}

std::vector<MountReading> MountProber::read(const std::vector<Mount>& mounts) {
  std::erase_if(stuck_, [](const auto& item) {
    const std::lock_guard lock(item.second->mutex);
    return item.second->ended;
  });
  std::vector<MountReading> readings(mounts.size());
  std::vector<size_t> open;  // mounts still to be asked
  for (size_t i = 0; i < mounts.size(); ++i) {
    if (stuck_.contains(mounts[i].point)) {
      readings[i].outcome = MountReading::Outcome::kStuck;
    } else {
      open.push_back(i);
    }
  }
  while (!open.empty()) {
    auto round = std::make_shared<Round>();
    round->read = read_;
    for (const size_t i : open) round->mounts.push_back(mounts[i]);
    const bool ran = run(round);
    const std::lock_guard lock(round->mutex);
    size_t done = 0;
    for (; done < round->readings.size(); ++done) readings[open[done]] = round->readings[done];
    if (!ran) {
      for (const size_t i : open) readings[i].outcome = MountReading::Outcome::kStuck;
      break;
    }
    if (done < open.size()) readings[open[done++]].outcome = MountReading::Outcome::kStuck;
    open.erase(open.begin(), open.begin() + static_cast<ptrdiff_t>(done));
  }
  return readings;
}

}  // namespace hostlens::scrapers
