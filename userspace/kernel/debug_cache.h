// SPDX-License-Identifier: Apache-2.0
// Debug files that servers gave, on disk, by build id.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::kernel {

/// Implemented by LocalDebugCache (the supervisor, acts itself) and by the worker's channel to the
/// supervisor (asks). What is in a file is up to who reads it. Build ids are lower-case hex digits.
class DebugCache {
 public:
  virtual ~DebugCache() = default;

  /// Read-only. kNotFound: it is not there.
  virtual base::Result<base::UniqueFd> open_cached(std::string_view build_id) = 0;
  /// An empty file to be written, without a name: it is gone with its descriptors unless it is
  /// kept. One at a time: the one before can be kept no more.
  virtual base::Result<base::UniqueFd> new_file() = 0;
  /// The last new file has this build id; those that were not used for the longest time make room
  /// for it. kBusy: it is larger than the cache.
  virtual base::Result<void> keep(std::string_view build_id) = 0;
};

/// Whether debug symbols can be looked for by it: hex digits of 2 to 20 bytes (SHA-1).
[[nodiscard]] bool is_build_id(std::string_view text);

/// A folder of BUILDID.debug; others may use it at the same time. One thread.
class LocalDebugCache final : public DebugCache {
 public:
  /// Makes the folder where there is none. kDenied: it belongs to somebody else, or others may
  /// write to it.
  [[nodiscard]] static base::Result<std::unique_ptr<LocalDebugCache>> open(const std::string& path,
                                                                           uint64_t max_bytes);

  base::Result<base::UniqueFd> open_cached(std::string_view build_id) override;
  base::Result<base::UniqueFd> new_file() override;
  base::Result<void> keep(std::string_view build_id) override;

 private:
  LocalDebugCache(base::UniqueFd folder, uint64_t max_bytes)
      : folder_(std::move(folder)), max_bytes_(max_bytes) {}
  [[nodiscard]] base::Result<void> make_room(uint64_t bytes) const;

  base::UniqueFd folder_;
  uint64_t max_bytes_;
  base::UniqueFd new_file_;
};

}  // namespace hostlens::kernel
