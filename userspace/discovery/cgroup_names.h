// SPDX-License-Identifier: Apache-2.0
// Whose work a cgroup is, by the number that BPF programs know it by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "discovery/cgroup_identity.h"
#include "discovery/process_table.h"

namespace hostlens::discovery {

struct CgroupNamesSettings {
  std::string root;                        ///< comes before every path; "" for this host
  size_t max_names = 4096;                 ///< numbers that are remembered; the rest is nobody's
  size_t max_walked = 20'000;              ///< directories looked at in one refresh, some 2 us each
  uint64_t tombstone_ns = 60'000'000'000;  ///< how long a removed cgroup can still be asked for
};

/// Numbers that nobody asked for cost nothing; new ones are found by one walk over the hierarchy
/// per refresh, however many there are. A cgroup that came and went between two refreshes was never
/// seen: it is nobody's. Shard thread only; the table must outlive it.
class CgroupNames {
 public:
  CgroupNames(CgroupNamesSettings settings, ProcessTable& processes);

  /// v2 id. null: not known (asked for the first time: known after the next refresh), the root
  /// cgroup, beyond the limit. One hash lookup.
  ///
  /// The object is the one that ProcessTable gives to the processes in it. Where those are several
  /// services, or none is known, it is named by the cgroup alone: its rule in `service_name`, its
  /// unit, its container, else its directory ("init.scope" -> "init", "session-3.scope" ->
  /// "session").
  std::shared_ptr<const model::Service> service_of(uint64_t cgroup_id);

  /// The number of the cgroup with this path, 0: there is none. One system call.
  [[nodiscard]] uint64_t number_of(std::string_view path);

  /// Once per interval, before or after the maps are read (CLOCK_MONOTONIC).
  void refresh(uint64_t now_ns);

  [[nodiscard]] size_t size() const { return names_.size(); }
  [[nodiscard]] uint64_t walks_total() const { return walks_; }
  /// Numbers that found no room, and those that no directory had.
  [[nodiscard]] uint64_t over_limit_total() const { return over_limit_; }
  [[nodiscard]] uint64_t unseen_total() const { return unseen_; }

 private:
  struct Name {
    CgroupIdentity cgroup;                         ///< path "": no directory had this number
    std::shared_ptr<const model::Service> own;     ///< by the cgroup alone
    std::shared_ptr<const model::Service> chosen;  ///< what is answered
    uint64_t asked_ns = 0;
    uint64_t gone_ns = 0;  ///< 0: exists
    uint64_t seen_in = 0;  ///< number of the walk
  };

  [[nodiscard]] const std::string& mount_point();
  void walk();
  [[nodiscard]] Name* add(uint64_t id);
  void make_room(size_t wanted);
  void choose_services();

  CgroupNamesSettings settings_;
  ProcessTable& processes_;
  std::string mount_point_;
  std::unordered_map<uint64_t, Name> names_;
  std::unordered_set<uint64_t> missing_;
  uint64_t now_ns_ = 0;    ///< of the last refresh
  uint64_t named_by_ = 0;  ///< ProcessTable::rules_generation() of `own`
  uint64_t walks_ = 0;
  uint64_t over_limit_ = 0;
  uint64_t unseen_ = 0;
};

}  // namespace hostlens::discovery
