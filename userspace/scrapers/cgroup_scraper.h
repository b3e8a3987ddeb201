// SPDX-License-Identifier: Apache-2.0
// container.* and hostlens.cgroup.*, summed by service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scrapers/cgroup_files.h"
#include "scrapers/cgroup_paths.h"
#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// A cgroup of a service. Several of one service are summed; the same one twice counts once.
struct CgroupTarget {
  /// Text of a member's /proc/PID/cgroup, or one path that is the same in every hierarchy.
  std::string membership;
  std::shared_ptr<const model::Service> service;
};

/// A cgroup as it was in the last scrape.
struct CgroupUse {
  std::shared_ptr<const model::Service> service;
  CgroupReading reading;
  CgroupLimits limits;
};

/// The sums of one service.
struct CgroupGroup {
  std::shared_ptr<const model::Service> service;
  uint64_t start_unix_ns = 0;
  uint64_t last_seen_ns = 0;
  GrowingSums<kCgroupCounters> sums;
  struct Present {
    size_t cgroups = 0;
    PresentSum memory, inactive_file, anonymous, memory_limit, processes, processes_limit;
    double cpus_limit = 0;
    bool all_have_cpus_limit = true;
  } present;
  std::optional<double> cpus_in_use;  ///< mean since the last scrape
  std::optional<uint64_t> last_cpu_ns;
  uint64_t last_cpu_at_ns = 0;
};

class CgroupScraper final : public Scraper {
 public:
  /// `cgroups` are read at most, some 100 us each.
  explicit CgroupScraper(size_t cgroups = 128, uint64_t idle_ns = 300'000'000'000)
      : limit_(cgroups), idle_ns_(idle_ns) {}
  [[nodiscard]] std::string_view name() const override { return "cgroup"; }
  void scrape(Scrape& run) noexcept override;

  /// Replaces the list.
  void set_targets(std::vector<CgroupTarget> targets) { targets_ = std::move(targets); }
  [[nodiscard]] const std::vector<CgroupUse>& uses() const { return uses_; }

 private:
  struct Member {
    LastReadings<kCgroupCounters> last{};
    CgroupLimits limits;
    uint64_t limits_age = 0;  ///< scrapes since they were read
    uint64_t round = 0;       ///< in which it was seen last
  };

  void refresh_hierarchies(Scrape& run);
  [[nodiscard]] bool is_stacked(Scrape& run, std::string_view device);
  void take(Scrape& run, const CgroupTarget& target, const CgroupDirectories& directories,
            Member& member);
  void end_round(uint64_t now_ns);

  size_t limit_;
  uint64_t idle_ns_;
  std::vector<CgroupTarget> targets_;
  CgroupHierarchies hierarchies_;
  uint64_t hierarchies_age_ = 0;
  uint64_t round_ = 0;
  std::map<std::string, Member> members_;                       ///< by their directories
  std::map<std::string, std::unique_ptr<CgroupGroup>> groups_;  ///< by service
  std::map<std::string, bool, std::less<>> stacked_;            ///< by device number
  std::vector<CgroupUse> uses_;
};

void add_cgroup_families(Scrape& run,
                         const std::map<std::string, std::unique_ptr<CgroupGroup>>& groups);

}  // namespace hostlens::scrapers
