// SPDX-License-Identifier: Apache-2.0
// Asks file systems for their space without being held up by one that never answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scrapers/mount_table.h"

namespace hostlens::scrapers {

struct MountReading {
  enum class Outcome : uint8_t {
    kRead,
    kRefused,  ///< not there, or not for us
    kHidden,   ///< at that path this process sees another file system
    kStuck,    ///< no answer in time, or since an earlier call
  };
  Outcome outcome = Outcome::kRefused;
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;       ///< f_bfree
  uint64_t available_bytes = 0;  ///< f_bavail: to users without privileges
  uint64_t total_inodes = 0, free_inodes = 0;
};

/// Reads one mount; called on threads of the prober, may block for ever.
using ReadMount = std::function<MountReading(const Mount&)>;

/// stat and statvfs of `root` + the mount's point.
[[nodiscard]] MountReading read_mount(const std::string& root, const Mount& mount);

/// Each call works on a thread of its own. A thread that makes no progress for `patience` is given
/// up with the mount it hangs in, and another one goes on with the rest; that mount is not asked
/// again before its thread came back. At most kMaxGivenUp threads hang: then nothing is asked. One
/// thread calls; may end while threads hang.
class MountProber {
 public:
  static constexpr size_t kMaxGivenUp = 8;

  MountProber(ReadMount read, std::chrono::milliseconds patience)
      : read_(std::move(read)), patience_(patience) {}

  /// One reading for each mount, in their order.
  [[nodiscard]] std::vector<MountReading> read(const std::vector<Mount>& mounts);
  [[nodiscard]] size_t given_up() const { return stuck_.size(); }

 private:
  struct Round;

  /// False when no thread could be started or is left.
  bool run(const std::shared_ptr<Round>& round);

  ReadMount read_;
  std::chrono::milliseconds patience_;
  std::map<std::string, std::shared_ptr<Round>> stuck_;  ///< by mount point
};

}  // namespace hostlens::scrapers
