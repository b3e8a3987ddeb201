// SPDX-License-Identifier: Apache-2.0
#include "discovery/process_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "discovery/host_resource.h"
#include "discovery/proc_files.h"
#include "discovery/service_identity.h"

namespace hostlens::discovery {
namespace {

/// A read costs about 50 us: a target that spawns programs in a loop may not eat more than 1% of a
/// core.
constexpr size_t kEagerReadsPerTick = 200;
constexpr size_t kReuseChecksPerTick = 8;
/// Only a lost record leaves a wrong process behind: the round is not begun more often than this.
constexpr uint64_t kReuseRoundNs = 10'000'000'000;
constexpr size_t kMaxServices = 2000;
constexpr size_t kMaxCgroups = 2000;
/// Services and cgroups that nobody has any more go as often as this.
constexpr uint64_t kUnusedNs = 60'000'000'000;
constexpr size_t kMaxNameless = 1000;
/// Containers that no runtime knew (of a runtime that is not asked) are asked for again.
constexpr uint64_t kNamelessRetryNs = 60'000'000'000;
/// An unreadable process is tried again after this: /proc may have refused for a moment only.
constexpr uint64_t kRetryNs = 5'000'000'000;

/// The copy that fork(2) made: all but its own id and its parent's.
std::shared_ptr<const model::Process> forked_copy(const model::Process& parent,
                                                  model::ProcessKey key, uint32_t parent_pid) {
  auto child = std::make_shared<model::Process>(parent);
  child->key = key;
  for (model::Attribute& attribute : child->resource) {
    if (attribute.key == "process.pid") attribute.value = int64_t{key.pid};
    if (attribute.key == "process.parent_pid") attribute.value = int64_t{parent_pid};
  }
  return child;
}

/// Replaces attributes of the same keys and adds the others.
void merge(model::Attributes& attributes, const model::Attributes& found) {
  for (const model::Attribute& attribute : found) {
    const auto known =
        std::find_if(attributes.begin(), attributes.end(),
                     [&](const model::Attribute& any) { return any.key == attribute.key; });
    if (known == attributes.end()) {
      attributes.push_back(attribute);
    } else {
      known->value = attribute.value;
    }
  }
}

std::shared_ptr<const model::Process> enriched(const model::Process& process,
                                               const model::Attributes& found) {
  auto richer = std::make_shared<model::Process>(process);
  merge(richer->resource, found);
  return richer;
}

/// Two services are one when all that their resource says is equal.
std::string identity_of(const model::Service& service) {
  std::string identity;
  for (const model::Attribute& attribute : service.resource) {
    if (attribute.key.starts_with("host.") || attribute.key.starts_with("os.")) continue;
    identity += attribute.key;
    identity += '\0';
    if (const auto* text = std::get_if<std::string>(&attribute.value)) identity += *text;
    identity += '\0';
  }
  return identity;
}

}  // namespace

ProcessTable::ProcessTable(ProcessTableSettings settings, std::vector<CompiledName> names,
                           kernel::HostAccess& host, std::string proc_root)
    : settings_(std::move(settings)),
      names_(std::move(names)),
      reader_(host, std::move(proc_root)),
      ports_(reader_),
      now_ns_(base::monotonic_now_ns()),
      eager_reads_left_(kEagerReadsPerTick) {}

base::Result<std::unique_ptr<ProcessTable>> ProcessTable::create(ProcessTableSettings settings,
                                                                 kernel::HostAccess& host,
                                                                 std::string proc_root) {
  auto names = compile(settings.service_names);
  if (!names) return std::move(names).error();
  return std::unique_ptr<ProcessTable>(
      new ProcessTable(std::move(settings), std::move(*names), host, std::move(proc_root)));
}

base::Result<std::vector<ProcessTable::CompiledName>> ProcessTable::compile(
    const std::vector<ServiceNameRule>& rules) {
  std::vector<CompiledName> names;
  for (const ServiceNameRule& rule : rules) {
    auto matcher = ProcessMatcher::compile(rule.match);
    if (!matcher) return std::move(matcher).error().with_context("service name " + rule.name);
    names.push_back({std::move(*matcher), clean_text(rule.name)});
  }
  return names;
}

std::shared_ptr<const model::Process> ProcessTable::resolve(uint32_t pid) {
  const auto found = entries_.find(pid);
  if (found != entries_.end() && found->second.process != nullptr) return found->second.process;
  Entry& entry = found != entries_.end() ? found->second : put(pid, Entry({pid, 0}));
  describe(pid, entry);
  return entry.process;
}

void ProcessTable::on_exec(const model::ProcessExec& event) {
  Entry& entry =
      put(event.process.pid, Entry(event.process, event.parent_pid, clean_text(event.comm, 64)));
  entry.is_target = event.is_target;
  if (event.is_target && eager_reads_left_ > 0) {
    --eager_reads_left_;
    describe(event.process.pid, entry);
  }
}

void ProcessTable::on_fork(const model::ProcessFork& event) {
  const auto parent = entries_.find(event.parent_pid);
  if (parent == entries_.end() && !event.is_target) return;
  Entry entry(event.process, event.parent_pid);
  entry.is_target = event.is_target;
  if (parent != entries_.end()) {
    entry.comm = parent->second.comm;
    const bool readable = parent->second.process != nullptr && !parent->second.unreadable;
    entry.forked_from = readable ? parent->second.process : parent->second.forked_from;
    entry.cgroup = parent->second.cgroup;
    entry.executable = parent->second.executable;
  }
  put(event.process.pid, std::move(entry));
}

void ProcessTable::on_exit(const model::ProcessExit& event) {
  const auto found = entries_.find(event.process.pid);
  if (found == entries_.end()) return;
  const uint64_t ours = found->second.key.start_ticks;
  const uint64_t theirs = event.process.start_ticks;
  if (ours != 0 && theirs != 0 && ours != theirs) return;  // the pid is somebody else's by now
  found->second.ended_ns = std::max<uint64_t>(event.time_ns, 1);
}

void ProcessTable::tick(uint64_t now_ns) {
  now_ns_ = now_ns;
  eager_reads_left_ = kEagerReadsPerTick;
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    if (entry.ended_ns == 0) return false;
    return now_ns > entry.ended_ns + (entry.unreadable ? kRetryNs : settings_.tombstone_ns);
  });
  forget_unused();
  if (to_check_.empty() && now_ns >= next_reuse_round_ns_) {
    next_reuse_round_ns_ = now_ns + kReuseRoundNs;
    for (const auto& [pid, entry] : entries_) {
      if (entry.ended_ns == 0 && entry.process != nullptr) to_check_.push_back(pid);
    }
  }
  for (size_t i = 0; i < kReuseChecksPerTick && !to_check_.empty(); ++i) check_one_for_reuse();
  take_findings();
}

void ProcessTable::forget_unused() {
  const bool due = now_ns_ >= next_unused_ns_;
  if (due) next_unused_ns_ = now_ns_ + kUnusedNs;
  const auto unused = [](const auto& item) { return item.second.use_count() == 1; };
  if (due || services_.size() > kMaxServices) std::erase_if(services_, unused);
  if (due || cgroups_.size() > kMaxCgroups) std::erase_if(cgroups_, unused);
}

void ProcessTable::inspect(const ProcessFacts& facts, model::Attributes& own) {
  if (settings_.executables == nullptr || facts.executable_file.inode == 0) return;
  if (const auto known = settings_.executables->find(facts.executable_file)) {
    merge(own, *known);
  } else {
    settings_.executables->request(facts.key, facts.executable_file, facts.executable);
  }
}

/// Exchanges that are under way keep the process as they found it.
void ProcessTable::take_findings() {
  if (settings_.executables == nullptr) return;
  const auto findings = settings_.executables->take();
  if (findings.empty()) return;
  for (const ExecutableInspector::Finding& finding : findings) {
    for (auto& [pid, entry] : entries_) {
      if (entry.executable != finding.file) continue;
      if (!finding.of_every_process && entry.key != finding.process) continue;
      if (entry.process != nullptr) entry.process = enriched(*entry.process, *finding.attributes);
      if (entry.forked_from != nullptr) {
        entry.forked_from = enriched(*entry.forked_from, *finding.attributes);
      }
    }
  }
}

void ProcessTable::check_one_for_reuse() {
  const auto found = entries_.find(to_check_.back());
  to_check_.pop_back();
  if (found == entries_.end() || found->second.ended_ns != 0) return;
  const auto start_ticks = reader_.read_start_ticks(found->first);
  if (!start_ticks) {
    found->second.ended_ns = now_ns_;  // its end was lost
  } else if (*start_ticks != found->second.key.start_ticks) {
    entries_.erase(found);
  }
}

base::Result<void> ProcessTable::set_service_names(std::vector<ServiceNameRule> rules) {
  auto names = compile(rules);
  if (!names) return std::move(names).error();
  names_ = std::move(*names);
  settings_.service_names = std::move(rules);
  ++rules_generation_;
  std::erase_if(entries_, [](const auto& item) { return item.second.ended_ns == 0; });
  return {};
}

ProcessTable::Entry& ProcessTable::put(uint32_t pid, Entry entry) {
  if (!entries_.contains(pid)) make_room();
  return entries_.insert_or_assign(pid, std::move(entry)).first->second;
}

/// The ended ones first, then any: who is let go is read again when it is asked for. Some at once,
/// since each time costs a look at all.
void ProcessTable::make_room() {
  if (entries_.size() < settings_.max_processes) return;
  std::erase_if(entries_, [](const auto& item) { return item.second.ended_ns != 0; });
  if (entries_.size() < settings_.max_processes) return;
  size_t surplus = entries_.size() - settings_.max_processes + settings_.max_processes / 16 + 1;
  while (!entries_.empty() && surplus-- > 0) entries_.erase(entries_.begin());
}

void ProcessTable::describe(uint32_t pid, Entry& entry) {
  if (entry.forked_from != nullptr) {
    entry.process = forked_copy(*entry.forked_from, entry.key, entry.parent_pid);
    entry.forked_from.reset();
    return;
  }
  auto facts = reader_.read(pid, true);
  if (facts) find_container(*facts);
  const bool other = facts && entry.key.start_ticks != 0 && facts->key != entry.key;
  if (!facts || other) {
    facts.emplace();
    facts->key = entry.key;
    facts->parent_pid = entry.parent_pid;
    facts->comm = entry.comm;
    entry.unreadable = true;
    if (entry.ended_ns == 0) entry.ended_ns = now_ns_;
  }
  std::string_view owner;
  DeclaredIdentity declared;
  std::string_view configured;
  if (!entry.unreadable) {
    declared = read_declared_identity(reader_.read_environment(facts->key));
    if (const auto uid = reader_.read_effective_uid(pid)) owner = users_.name_of(*uid);
    configured = configured_name(*facts);
  }
  auto process = std::make_shared<model::Process>();
  process->key = facts->key;
  process->service = intern(describe_service(*facts, declared, configured, settings_.host));
  process->resource = process->service->resource;
  auto own = describe_process(*facts, owner, settings_.arguments);
  inspect(*facts, own);
  process->executable = text_of(own, "process.executable.name");
  std::move(own.begin(), own.end(), std::back_inserter(process->resource));
  entry.key = facts->key;
  entry.cgroup = intern(*facts);
  entry.executable = facts->executable_file;
  entry.process = std::move(process);
}

void ProcessTable::for_each_known(const std::function<void(const KnownProcess&)>& use) const {
  for (const auto& [pid, entry] : entries_) {
    if (entry.ended_ns != 0 || entry.unreadable) continue;
    const auto& described = entry.process != nullptr ? entry.process : entry.forked_from;
    if (described != nullptr) use({entry.key, *described, entry.cgroup});
  }
}

void ProcessTable::describe_targets(size_t most) {
  for (auto& [pid, entry] : entries_) {
    if (most == 0) return;
    if (!entry.is_target || entry.ended_ns != 0) continue;
    if (entry.process != nullptr || entry.forked_from != nullptr) continue;
    describe(pid, entry);
    --most;
  }
}

bool ProcessTable::is_known(uint32_t pid) const {
  const auto found = entries_.find(pid);
  if (found == entries_.end()) return false;
  return found->second.process != nullptr || found->second.forked_from != nullptr;
}

void ProcessTable::find_container(ProcessFacts& facts) {
  const std::string& id = facts.cgroup.container_id;
  if (id.empty()) return;
  if (const auto found = containers_->find(id); found != containers_->end()) {
    facts.container = found->second;
  } else if (nameless_.size() < kMaxNameless && nameless_.insert(id).second) {
    new_nameless_ = true;
  }
}

bool ProcessTable::wants_containers() const {
  return new_nameless_ || (!nameless_.empty() && now_ns_ > containers_ns_ + kNamelessRetryNs);
}

void ProcessTable::set_containers(std::shared_ptr<const model::Containers> containers) {
  const auto before = std::exchange(containers_, std::move(containers));
  new_nameless_ = false;
  nameless_.clear();  // those that still run are noted at their next description
  containers_ns_ = now_ns_;
  std::unordered_set<const CgroupMembership*> renamed;
  for (const auto& [text, membership] : cgroups_) {
    const std::string id = identify_cgroup(text).container_id;
    if (id.empty()) continue;
    const auto now = containers_->find(id);
    if (now == containers_->end()) {
      if (nameless_.size() < kMaxNameless) nameless_.insert(id);
      continue;
    }
    const auto then = before->find(id);
    if (then == before->end() || then->second != now->second) renamed.insert(membership.get());
  }
  if (renamed.empty()) return;
  ++rules_generation_;
  for (auto& [pid, entry] : entries_) {
    if (entry.ended_ns != 0 || !renamed.contains(entry.cgroup.get())) continue;
    entry.process.reset();
    entry.forked_from.reset();
  }
}

std::string_view ProcessTable::configured_name(const ProcessFacts& facts) {
  ports_.forget();
  for (const CompiledName& name : names_) {
    if (name.match.matches(facts, ports_)) return name.name;
  }
  return {};
}

std::shared_ptr<const model::Service> ProcessTable::service_of_cgroup(
    const CgroupIdentity& cgroup) {
  ProcessFacts facts;
  facts.cgroup = cgroup;
  find_container(facts);
  std::string configured;
  for (const CompiledName& name : names_) {
    if (!name.match.by_cgroup_only() || !name.match.matches(facts, ports_)) continue;
    configured = name.name;
    break;
  }
  const bool has_name = !configured.empty() || !cgroup.unit.empty() ||
                        !cgroup.container_id.empty() || !cgroup.container_name.empty();
  if (!has_name) configured = service_name_of_cgroup(cgroup.path);
  return intern(describe_service(facts, {}, configured, settings_.host));
}

std::shared_ptr<const model::Service> ProcessTable::service_named(std::string_view name) {
  return intern(describe_service({}, {}, name, settings_.host));
}

std::shared_ptr<const model::Service> ProcessTable::intern(model::Service service) {
  auto& known = services_[identity_of(service)];
  if (known == nullptr) known = std::make_shared<const model::Service>(std::move(service));
  return known;
}

std::shared_ptr<const CgroupMembership> ProcessTable::intern(const ProcessFacts& facts) {
  if (facts.cgroup_text.empty()) return nullptr;
  auto& known = cgroups_[facts.cgroup_text];
  if (known == nullptr) {
    known = std::make_shared<const CgroupMembership>(
        CgroupMembership{facts.cgroup_text, facts.cgroup.path});
  }
  return known;
}

}  // namespace hostlens::discovery
