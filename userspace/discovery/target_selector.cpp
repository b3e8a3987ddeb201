// SPDX-License-Identifier: Apache-2.0
#include "discovery/target_selector.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

namespace hostlens::discovery {
namespace {

constexpr uint64_t kPortLookNs = 5'000'000'000;
constexpr size_t kMaxCgroups = 1024;
/// A process that forks while the list is read is found by the next look; three are enough in
/// practice and bound the work under a fork storm.
constexpr int kLooksPerScan = 3;
constexpr uint32_t kThreadDaemonPid = 2;  // parent of all kernel threads

/// Who is selected in one look, closed under descent.
class Selection {
 public:
  enum class Verdict : uint8_t { kOther, kIncluded, kExcluded };

  void add(uint32_t pid, uint32_t parent_pid, Verdict verdict) {
    nodes_[pid] = Node{parent_pid, verdict};
  }
  [[nodiscard]] bool contains(uint32_t pid) const {
    // Bounded by the number of nodes: a parent cycle cannot be in /proc, but its text is not
    // trusted.
    for (size_t steps = 0; steps <= nodes_.size(); ++steps) {
      const auto found = nodes_.find(pid);
      if (found == nodes_.end() || found->second.verdict == Verdict::kExcluded) return false;
      if (found->second.verdict == Verdict::kIncluded) return true;
      pid = found->second.parent_pid;
    }
    return false;
  }

 private:
  struct Node {
    uint32_t parent_pid = 0;
    Verdict verdict = Verdict::kOther;
  };
  std::unordered_map<uint32_t, Node> nodes_;
};

bool is_kernel_thread(const ProcessFacts& facts) {
  return facts.arguments.empty() &&
         (facts.key.pid == kThreadDaemonPid || facts.parent_pid == kThreadDaemonPid);
}

}  // namespace

TargetSelector::TargetSelector(Rules rules, kernel::HostAccess& host, std::string proc_root,
                               std::string cgroup_root)
    : rules_(std::move(rules)),
      host_(host),
      reader_(host, std::move(proc_root)),
      ports_(reader_),
      cgroup_root_(std::move(cgroup_root)) {}

base::Result<TargetSelector::Rules> TargetSelector::compile(
    const TargetSelectorSettings& settings) {
  Rules rules;
  auto include = compile_rules(settings.include);
  if (!include) return std::move(include).error().with_context("targets.include");
  auto exclude = compile_rules(settings.exclude);
  if (!exclude) return std::move(exclude).error().with_context("targets.exclude");
  rules.include = std::move(*include);
  rules.exclude = std::move(*exclude);
  rules.own_pids = settings.own_pids;
  for (const auto* list : {&rules.include, &rules.exclude}) {
    for (const ProcessMatcher& rule : *list) {
      rules.need_executable |= rule.needs_executable();
      rules.need_ports |= rule.needs_ports();
    }
  }
  return rules;
}

base::Result<std::unique_ptr<TargetSelector>> TargetSelector::create(
    TargetSelectorSettings settings, kernel::HostAccess& host, std::string proc_root,
    std::string cgroup_root) {
  auto rules = compile(settings);
  if (!rules) return std::move(rules).error();
  return std::unique_ptr<TargetSelector>(
      new TargetSelector(std::move(*rules), host, std::move(proc_root), std::move(cgroup_root)));
}

base::Result<TargetScan> TargetSelector::reload(TargetSelectorSettings settings) {
  auto rules = compile(settings);
  if (!rules) return std::move(rules).error();
  rules_ = std::move(*rules);
  return scan();
}

TargetScan TargetSelector::scan() {
  TargetScan report;
  std::vector<bool> rule_used(rules_.include.size(), false);
  std::unordered_map<uint32_t, ProcessFacts> seen;
  Selection selection;
  drop_cgroups(report);
  ports_.forget();
  const auto before = std::move(targets_);
  targets_.clear();
  for (int look = 0; look < kLooksPerScan; ++look) {
    std::vector<uint32_t> fresh;
    for (const uint32_t pid : reader_.list()) {
      if (seen.contains(pid)) continue;
      auto facts = reader_.read(pid, rules_.need_executable);
      if (!facts || is_kernel_thread(*facts)) continue;
      auto verdict = Selection::Verdict::kOther;
      if (is_own(pid) || excluded(*facts)) {
        verdict = Selection::Verdict::kExcluded;
      } else if (included(*facts, &rule_used)) {
        verdict = Selection::Verdict::kIncluded;
        set_cgroup_of(*facts, &report);
      }
      selection.add(pid, facts->parent_pid, verdict);
      fresh.push_back(pid);
      seen.emplace(pid, std::move(*facts));
    }
    // Who is no target is said too: the kernel may remember it from earlier rules.
    for (const uint32_t pid : fresh) {
      set_process(seen.at(pid).key, selection.contains(pid), &report);
    }
    if (fresh.empty()) break;
  }
  for (const auto& [pid, ticks] : before) {
    if (!targets_.contains(pid) && !seen.contains(pid)) set_process({pid, ticks}, false, nullptr);
  }
  for (size_t i = 0; i < rule_used.size(); ++i) {
    if (!rule_used[i]) report.unmatched.push_back(i);
  }
  report.targets = targets_.size();
  report.cgroups = cgroups_.size();
  return report;
}

void TargetSelector::on_exec(const model::ProcessExec& event) {
  const uint32_t pid = event.process.pid;
  if (rules_.include.empty() && rules_.exclude.empty()) return;
  const auto facts = reader_.read(pid, rules_.need_executable);
  if (!facts) return;
  if (event.process.start_ticks != 0 && facts->key != event.process) return;  // gone, pid reused
  const bool inherited = event.is_target || targets_.contains(pid);
  ports_.forget();
  if (is_own(pid) || excluded(*facts)) {
    if (inherited) set_process(facts->key, false, nullptr);
  } else if (included(*facts, nullptr)) {
    set_process(facts->key, true, nullptr);
    set_cgroup_of(*facts, nullptr);
  } else if (inherited) {
    targets_[pid] = facts->key.start_ticks;
  }
}

void TargetSelector::on_fork(const model::ProcessFork& event) {
  if (event.is_target) targets_[event.process.pid] = event.process.start_ticks;
}

void TargetSelector::on_exit(const model::ProcessExit& event) { targets_.erase(event.process.pid); }

void TargetSelector::tick(uint64_t now_ns) {
  if (!rules_.need_ports || now_ns < next_port_look_ns_) return;
  next_port_look_ns_ = now_ns + kPortLookNs;
  ports_.forget();
  const std::vector<uint32_t> pids = reader_.list();
  if (!wanted_listeners_changed(pids)) return;
  for (const uint32_t pid : pids) {
    if (targets_.contains(pid) || is_own(pid)) continue;
    const auto facts = reader_.read(pid, rules_.need_executable);
    if (!facts || is_kernel_thread(*facts) || excluded(*facts)) continue;
    if (included(*facts, nullptr)) set_process(facts->key, true, nullptr);
  }
}

bool TargetSelector::wanted_listeners_changed(const std::vector<uint32_t>& pids) {
  std::unordered_set<uint64_t> wanted;
  std::unordered_set<const void*> tables;
  for (const uint32_t pid : pids) {
    const auto* listeners = ports_.listeners_near({pid, 0});
    if (listeners == nullptr || !tables.insert(listeners).second) continue;
    for (const auto& [inode, port] : *listeners) {
      const bool named = std::any_of(rules_.include.begin(), rules_.include.end(),
                                     [&](const auto& rule) { return rule.concerns_port(port); });
      if (named) wanted.insert(inode);
    }
  }
  const bool changed = wanted != listener_inodes_;
  listener_inodes_ = std::move(wanted);
  return changed;
}

bool TargetSelector::is_own(uint32_t pid) const {
  return std::find(rules_.own_pids.begin(), rules_.own_pids.end(), pid) != rules_.own_pids.end();
}

bool TargetSelector::excluded(const ProcessFacts& facts) {
  return std::any_of(rules_.exclude.begin(), rules_.exclude.end(),
                     [&](const ProcessMatcher& rule) { return rule.matches(facts, ports_); });
}

bool TargetSelector::included(const ProcessFacts& facts, std::vector<bool>* rule_used) {
  bool fits = false;
  for (size_t i = 0; i < rules_.include.size(); ++i) {
    if (!rules_.include[i].matches(facts, ports_)) continue;
    fits = true;
    if (rule_used == nullptr) break;
    (*rule_used)[i] = true;
  }
  return fits;
}

void TargetSelector::set_process(model::ProcessKey key, bool is_target, TargetScan* report) {
  const auto done = host_.set_target(key, is_target);
  if (done) {
    if (is_target) {
      targets_[key.pid] = key.start_ticks;
    } else {
      targets_.erase(key.pid);
    }
  } else if (report != nullptr && done.error().kind != base::Error::Kind::kNotFound) {
    ++report->refused;
    if (report->first_refusal.empty()) report->first_refusal = done.error().text();
  }
}

/// The kernel then catches the unit's next process before its first instruction. Not while exclude
/// rules stand: it would catch an excluded process too, and that one's payload must never be
/// copied.
void TargetSelector::set_cgroup_of(const ProcessFacts& facts, TargetScan* report) {
  if (!rules_.exclude.empty() || facts.cgroup.path.size() <= 1) return;
  const bool decides =
      std::any_of(rules_.include.begin(), rules_.include.end(), [&](const ProcessMatcher& rule) {
        return rule.by_cgroup_only() && rule.matches(facts, ports_);
      });
  if (!decides || cgroups_.size() >= kMaxCgroups) return;
  struct stat status {};
  // Beside cgroup v1 the unified hierarchy is mounted one level down. On 64 bit its inode is the
  // id.
  if (::stat((cgroup_root_ + "/unified" + facts.cgroup.path).c_str(), &status) != 0 &&
      ::stat((cgroup_root_ + facts.cgroup.path).c_str(), &status) != 0) {
    return;
  }
  if (cgroups_.contains(status.st_ino)) return;
  const auto done = host_.set_target_cgroup(status.st_ino, true);
  if (done) {
    cgroups_.insert(status.st_ino);
  } else if (report != nullptr) {
    ++report->refused;
    if (report->first_refusal.empty()) report->first_refusal = done.error().text();
  }
}

void TargetSelector::drop_cgroups(TargetScan& report) {
  for (const uint64_t id : cgroups_) {
    const auto done = host_.set_target_cgroup(id, false);
    if (!done && done.error().kind != base::Error::Kind::kNotFound) {
      ++report.refused;
      if (report.first_refusal.empty()) report.first_refusal = done.error().text();
    }
  }
  cgroups_.clear();
}

}  // namespace hostlens::discovery
