// SPDX-License-Identifier: Apache-2.0
// Every process, once per interval: process.* by service and program, system.process.count, and
// what health signals want to know of each target.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "scrapers/process_facts.h"
#include "scrapers/process_groups.h"
#include "scrapers/process_rank.h"
#include "scrapers/process_walk.h"
#include "scrapers/scraper.h"
#include "scrapers/thread_switches.h"

namespace hostlens::scrapers {

/// A process of a service, as discovery knows it. `start_ticks` guards against a reused pid.
struct ProcessTarget {
  model::ProcessKey key;
  std::shared_ptr<const model::Service> service;
  std::string executable;  ///< base name; "": none is told
};

/// A target as it was in the last scrape; what could not be told is absent.
struct ProcessUse {
  model::ProcessKey key;
  std::shared_ptr<const model::Service> service;
  std::string executable;
  char state = '?';  ///< as in /proc/PID/stat; 'Z' a zombie
  uint64_t threads = 0;
  std::optional<uint64_t> resident_bytes;
  std::optional<uint64_t> open_files;
  std::optional<uint64_t> open_files_limit;    ///< RLIMIT_NOFILE, soft; UINT64_MAX: unlimited
  std::optional<uint64_t> user_threads_limit;  ///< RLIMIT_NPROC, soft, of all of the user's
};

struct ProcessLimitsOfScraper {
  size_t entries = 65'536;                  ///< of /proc that are looked at
  size_t open_files = spare_descriptors();  ///< kept open: halves the cost
  size_t programs = 20;                     ///< series of processes that are no targets
  size_t groups = 500;                      ///< series in all
  size_t thread_files = 512;                ///< per scrape, for context switches: some 10 us each
  uint64_t idle_ns = 300'000'000'000;
};

class ProcessScraper final : public Scraper {
 public:
  /// Without `facts` the families that need privileges are absent.
  ProcessScraper(ProcessLimitsOfScraper limits, ProcessFacts* facts)
      : limits_(limits),
        facts_(facts),
        groups_(limits.groups, limits.idle_ns),
        rank_(limits.programs),
        walk_(limits.entries, limits.open_files) {}
  [[nodiscard]] std::string_view name() const override { return "process"; }
  void scrape(Scrape& run) noexcept override;

  /// Replaces the list. All others are summed by program.
  void set_targets(std::vector<ProcessTarget> targets);
  [[nodiscard]] const std::vector<ProcessUse>& uses() const { return uses_; }

 private:
  /// A process between two scrapes.
  struct Member {
    uint64_t start_ticks = 0;
    Comm comm{};
    LastReadings<kProcessCounters> last{};
    std::unique_ptr<ThreadSwitches> switches;
    ProcessLimits limits;
    uint64_t limits_age = 0;  ///< scrapes since they were read
    uint64_t round = 0;       ///< in which it was seen last
  };

  Member& member_of(const SeenProcess& process);
  [[nodiscard]] const ProcessTarget* target_of(const SeenProcess& process) const;
  void rank_programs();
  void take_program(Scrape& run, const SeenProcess& process);
  void take_target(Scrape& run, const SeenProcess& process, const ProcessTarget& target);
  void read_descriptors(Scrape& run, Member& member, ProcessUse& use, ProcessReadings& readings);
  void report_hidden_targets(Scrape& run) const;

  ProcessLimitsOfScraper limits_;
  ProcessFacts* facts_;
  ProcessGroups groups_;
  ProcessRank rank_;
  ProcessWalk walk_;
  std::unordered_map<uint32_t, Member> members_;  ///< by pid
  std::unordered_map<uint32_t, ProcessTarget> targets_;
  std::vector<ProcessUse> uses_;
  uint64_t round_ = 0;
  size_t thread_budget_ = 0;
};

/// Families of the groups and of the states of all processes.
void add_process_families(Scrape& run, const ProcessGroups& groups);
void add_process_states(Scrape& run, const ProcessWalk& walk);

}  // namespace hostlens::scrapers
