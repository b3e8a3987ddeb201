// SPDX-License-Identifier: Apache-2.0
// Processes summed by service and program: the series of process.*.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/attribute.h"
#include "model/service.h"
#include "scrapers/growing_sums.h"

namespace hostlens::scrapers {

/// What of a process only grows.
enum class ProcessCounter : uint8_t {
  kUserTicks,
  kSystemTicks,
  kMinorFaults,
  kMajorFaults,
  kReadBytes,
  kWrittenBytes,
  kVoluntarySwitches,
  kInvoluntarySwitches,
};
inline constexpr size_t kProcessCounters = 8;
using ProcessReadings = Readings<kProcessCounters>;

/// What the processes of a group have now.
struct ProcessPresent {
  uint64_t processes = 0;
  PresentSum resident, virtual_size, threads, open_files;
  PresentSum anonymous, file, shared;   ///< resident memory by kind
  double highest_open_files_share = 0;  ///< of the soft limit, of that process which is nearest
  bool open_files_share_known = false;
  uint64_t oldest_start_ticks = UINT64_MAX;
};

struct ProcessGroup {
  std::shared_ptr<const model::Service> service;  ///< nullptr: no target, under the host's name
  model::Attributes attributes;
  bool is_target = false;
  uint64_t start_unix_ns = 0;  ///< of its first process
  uint64_t last_seen_ns = 0;
  GrowingSums<kProcessCounters> sums;
  ProcessPresent present;
};

/// Bounded: at most `limit` groups, one more takes the rest of the targets, and one the rest of the
/// others. A group without a process keeps its sums for `idle_ns`. One thread. Groups stay where
/// they are in memory until end_round().
class ProcessGroups {
 public:
  ProcessGroups(size_t limit, uint64_t idle_ns) : limit_(limit), idle_ns_(idle_ns) {}

  void begin_round();
  /// The target's, or the one that overflows.
  [[nodiscard]] ProcessGroup& of_target(const std::shared_ptr<const model::Service>& service,
                                        const std::string& executable);
  [[nodiscard]] ProcessGroup& of_program(const std::string& executable);
  [[nodiscard]] ProcessGroup& of_others();
  /// Lets groups go that had no process for too long; they must have no member any more.
  void end_round(uint64_t now_ns);

  /// In the order of services and programs.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, group] : groups_) visit(*group);
  }
  [[nodiscard]] size_t size() const { return groups_.size(); }

 private:
  ProcessGroup& find_or_add(const std::string& key, bool may_add_always,
                            const std::shared_ptr<const model::Service>& service,
                            model::Attributes attributes, bool is_target);

  size_t limit_;
  uint64_t idle_ns_;
  std::map<std::string, std::unique_ptr<ProcessGroup>> groups_;
};

}  // namespace hostlens::scrapers
