// SPDX-License-Identifier: Apache-2.0
// Which processes are observed: the operator's rules, kept true while processes come and go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "discovery/process_rule.h"
#include "model/socket_event.h"

namespace hostlens::discovery {

struct TargetSelectorSettings {
  std::vector<ProcessRule> include;
  std::vector<ProcessRule> exclude;
  std::vector<uint32_t> own_pids;  ///< supervisor and worker: never targets
};

/// What a scan found, for the agent to log.
struct TargetScan {
  size_t targets = 0;         ///< processes that are targets now, with their descendants
  size_t cgroups = 0;         ///< cgroups handed to the kernel
  size_t refused = 0;         ///< requests that failed, other than for a process that just ended
  std::string first_refusal;  ///< why, "" when none was
  std::vector<size_t> unmatched;  ///< indices of include rules that fit no process
};

/// A process is a target when an include rule fits it, or when it descends from one that is (as the
/// kernel inherits on fork), unless an exclude rule fits it. One thread; `host` must outlive it.
class TargetSelector {
 public:
  /// kInvalid when a rule does not compile.
  static base::Result<std::unique_ptr<TargetSelector>> create(
      TargetSelectorSettings settings, kernel::HostAccess& host, std::string proc_root = "/proc",
      std::string cgroup_root = "/sys/fs/cgroup");

  /// Looks at every process once: at start, after a reload.
  TargetScan scan();
  /// New rules take effect with a scan; nothing changes on error.
  base::Result<TargetScan> reload(TargetSelectorSettings settings);

  void on_exec(const model::ProcessExec& event);
  void on_fork(const model::ProcessFork& event);
  void on_exit(const model::ProcessExit& event);
  /// Any time; looks for new listeners every 5 s when a rule names a port, else does nothing.
  void tick(uint64_t now_ns);

  [[nodiscard]] bool is_target(uint32_t pid) const { return targets_.contains(pid); }
  [[nodiscard]] size_t target_count() const { return targets_.size(); }
  /// pid and start ticks of each.
  [[nodiscard]] const std::unordered_map<uint32_t, uint64_t>& targets() const { return targets_; }

 private:
  struct Rules {
    std::vector<ProcessMatcher> include;
    std::vector<ProcessMatcher> exclude;
    std::vector<uint32_t> own_pids;
    bool need_executable = false;
    bool need_ports = false;
  };
  TargetSelector(Rules rules, kernel::HostAccess& host, std::string proc_root,
                 std::string cgroup_root);
  static base::Result<Rules> compile(const TargetSelectorSettings& settings);

  [[nodiscard]] bool is_own(uint32_t pid) const;
  [[nodiscard]] bool excluded(const ProcessFacts& facts);
  /// Notes in `rule_used` which include rules fit (may be null: the first is enough).
  [[nodiscard]] bool included(const ProcessFacts& facts, std::vector<bool>* rule_used);
  void set_process(model::ProcessKey key, bool is_target, TargetScan* report);
  void set_cgroup_of(const ProcessFacts& facts, TargetScan* report);
  void drop_cgroups(TargetScan& report);
  [[nodiscard]] bool wanted_listeners_changed(const std::vector<uint32_t>& pids);

  Rules rules_;
  kernel::HostAccess& host_;
  ProcessReader reader_;
  ListeningPorts ports_;
  std::string cgroup_root_;
  std::unordered_map<uint32_t, uint64_t> targets_;  ///< pid -> start ticks
  std::unordered_set<uint64_t> cgroups_;            ///< ids handed to the kernel
  std::unordered_set<uint64_t> listener_inodes_;    ///< sockets on ports that rules name
  uint64_t next_port_look_ns_ = 0;
};

}  // namespace hostlens::discovery
