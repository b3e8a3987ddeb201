// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

#include "scrapers/mount_prober.h"
#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// Most file systems that are told of.
inline constexpr size_t kMaxFileSystems = 128;
/// A file system that answers at all does so within a disk's worst seek; a network one within its
/// round trips. Each mount that dies holds up one scrape by so much, once.
inline constexpr std::chrono::milliseconds kMountPatience{500};

/// mountinfo and statvfs: system.filesystem.*. Lists the mounts of process 1 (the host's, when the
/// agent has a mount namespace of its own), else its own ones.
class FilesystemScraper final : public Scraper {
 public:
  explicit FilesystemScraper(ReadMount read, std::chrono::milliseconds patience = kMountPatience)
      : prober_(std::move(read), patience) {}
  [[nodiscard]] std::string_view name() const override { return "filesystem"; }
  void scrape(Scrape& run) noexcept override;

 private:
  MountProber prober_;
};

}  // namespace hostlens::scrapers
