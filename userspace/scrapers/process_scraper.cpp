// SPDX-License-Identifier: Apache-2.0
#include "scrapers/process_scraper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "discovery/proc_files.h"

namespace hostlens::scrapers {
namespace {

/// Limits change seldom: read when a process is new and every so many scrapes.
constexpr uint64_t kLimitsEvery = 8;

void set(ProcessReadings& readings, ProcessCounter counter, std::optional<uint64_t> value) {
  readings[static_cast<size_t>(counter)] = value;
}

ProcessReadings readings_of(const ProcessStat& stat) {
  ProcessReadings readings;
  set(readings, ProcessCounter::kUserTicks, stat.user_ticks);
  set(readings, ProcessCounter::kSystemTicks, stat.system_ticks);
  set(readings, ProcessCounter::kMinorFaults, stat.minor_faults);
  set(readings, ProcessCounter::kMajorFaults, stat.major_faults);
  return readings;
}

/// A new group begins with the oldest of its first processes.
void set_start(Scrape& run, ProcessGroup& group, const SeenProcess& process) {
  if (group.start_unix_ns != 0 && group.last_seen_ns != 0) return;
  const uint64_t tick_ns = 1'000'000'000 / run.units().ticks_per_second;
  const uint64_t start = run.time().boot_unix_ns + process.key.start_ticks * tick_ns;
  group.start_unix_ns = group.start_unix_ns == 0 ? start : std::min(group.start_unix_ns, start);
}

void join(Scrape& run, ProcessGroup& group, const SeenProcess& process) {
  set_start(run, group, process);
  ProcessPresent& present = group.present;
  ++present.processes;
  present.threads.add(process.stat.threads);
  present.oldest_start_ticks = std::min(present.oldest_start_ticks, process.key.start_ticks);
}

std::string path_of(Scrape& run, uint32_t pid, const char* file) {
  return run.roots().proc + "/" + std::to_string(pid) + "/" + file;
}

/// Since Linux 6.2 the size of /proc/PID/fd is the number of descriptors, for everybody.
std::optional<uint64_t> count_open_files(Scrape& run, uint32_t pid) {
  struct stat folder {};
  if (::stat(path_of(run, pid, "fd").c_str(), &folder) != 0 || folder.st_size <= 0) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(folder.st_size);
}

}  // namespace

void ProcessScraper::set_targets(std::vector<ProcessTarget> targets) {
  targets_.clear();
  for (ProcessTarget& target : targets) {
    if (target.service != nullptr) targets_[target.key.pid] = std::move(target);
  }
}

ProcessScraper::Member& ProcessScraper::member_of(const SeenProcess& process) {
  Member& member = members_[process.key.pid];
  if (member.start_ticks != process.key.start_ticks) {
    member = {};
    member.start_ticks = process.key.start_ticks;
  }
  member.comm = process.comm;
  member.round = round_;
  return member;
}

const ProcessTarget* ProcessScraper::target_of(const SeenProcess& process) const {
  const auto found = targets_.find(process.key.pid);
  if (found == targets_.end()) return nullptr;
  const uint64_t start_ticks = found->second.key.start_ticks;
  return start_ticks == 0 || start_ticks == process.key.start_ticks ? &found->second : nullptr;
}

void ProcessScraper::rank_programs() {
  for (const SeenProcess& process : walk_.processes()) {
    if (target_of(process) != nullptr) continue;
    const Member& member = member_of(process);
    const uint64_t ticks = process.stat.user_ticks + process.stat.system_ticks;
    const uint64_t before = member.last[static_cast<size_t>(ProcessCounter::kUserTicks)] +
                            member.last[static_cast<size_t>(ProcessCounter::kSystemTicks)];
    rank_.add(text_of(process.comm), ticks > before ? ticks - before : 0,
              process.stat.resident_pages);
  }
  rank_.settle();
}

void ProcessScraper::take_program(Scrape& run, const SeenProcess& process) {
  const std::string_view comm = text_of(process.comm);
  ProcessGroup& group = rank_.has_place(comm) ? groups_.of_program(discovery::clean_text(comm, 64))
                                              : groups_.of_others();
  join(run, group, process);
  group.present.resident.add(process.stat.resident_pages * run.units().page_bytes);
  group.present.virtual_size.add(process.stat.virtual_bytes);
  Member& member = member_of(process);
  ProcessReadings readings = readings_of(process.stat);
  group.sums.grow(member.last, readings);
}

void ProcessScraper::read_descriptors(Scrape& run, Member& member, ProcessUse& use,
                                      ProcessReadings& readings) {
  const uint32_t pid = use.key.pid;
  if (member.limits_age++ % kLimitsEvery == 0) {
    if (const auto text =
            run.file(AT_FDCWD, path_of(run, pid, "limits").c_str(), Presence::kOptional)) {
      member.limits = parse_process_limits(*text);
    }
  }
  use.open_files_limit = member.limits.open_files;
  use.user_threads_limit = member.limits.threads_of_user;
  use.open_files = count_open_files(run, pid);
  if (facts_ == nullptr) return;
  const GuardedFacts facts = facts_->read(use.key, !use.open_files);
  if (!use.open_files) use.open_files = facts.open_files;
  if (!facts.io) return;
  set(readings, ProcessCounter::kReadBytes, facts.io->read_bytes);
  set(readings, ProcessCounter::kWrittenBytes, facts.io->written_bytes);
}

void ProcessScraper::take_target(Scrape& run, const SeenProcess& process,
                                 const ProcessTarget& target) {
  Member& member = member_of(process);
  ProcessGroup& group = groups_.of_target(target.service, target.executable);
  const auto text =
      run.file(AT_FDCWD, path_of(run, process.key.pid, "status").c_str(), Presence::kRequired);
  if (!text) {  // ended meanwhile
    set_start(run, group, process);
    group.sums.grow_by_known(member.last, readings_of(process.stat));
    return;
  }
  const ProcessStatus status = parse_process_status(*text);
  ProcessReadings readings = readings_of(process.stat);
  ProcessUse use{process.key,
                 target.service,
                 target.executable,
                 process.stat.state,
                 process.stat.threads,
                 status.resident,
                 {},
                 {},
                 {}};
  read_descriptors(run, member, use, readings);
  if (member.switches == nullptr) member.switches = std::make_unique<ThreadSwitches>();
  const auto switches =
      member.switches->read(run, process.key.pid, process.stat.threads, status, thread_budget_);
  if (switches) {
    set(readings, ProcessCounter::kVoluntarySwitches, switches->voluntary);
    set(readings, ProcessCounter::kInvoluntarySwitches, switches->involuntary);
  }
  join(run, group, process);
  ProcessPresent& present = group.present;
  // A zombie has no memory and no descriptors: none, not unknown.
  const bool dead = process_state(process.stat.state) == "defunct";
  const auto amount = [&](std::optional<uint64_t> value) {
    return dead && !value ? std::optional<uint64_t>(0) : value;
  };
  present.resident.add(amount(status.resident));
  present.virtual_size.add(amount(status.virtual_size));
  present.anonymous.add(amount(status.resident_anonymous));
  present.file.add(amount(status.resident_file));
  present.shared.add(amount(status.resident_shared));
  present.open_files.add(amount(use.open_files));
  if (use.open_files && use.open_files_limit && *use.open_files_limit > 0) {
    const double share =
        static_cast<double>(*use.open_files) / static_cast<double>(*use.open_files_limit);
    present.highest_open_files_share = std::max(present.highest_open_files_share, share);
    present.open_files_share_known = true;
  }
  if (dead) {
    group.sums.grow_by_known(member.last, readings);
  } else {
    group.sums.grow(member.last, readings);
  }
  uses_.push_back(std::move(use));
}

void ProcessScraper::report_hidden_targets(Scrape& run) const {
  if (run.roots().proc != "/proc") return;
  for (const auto& [pid, target] : targets_) {
    const auto member = members_.find(pid);
    if (member != members_.end() && member->second.round == round_) continue;
    // There, and not in /proc: hidepid.
    if (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM) run.error(Reason::kHidden);
  }
}

void ProcessScraper::scrape(Scrape& run) noexcept {
  ++round_;
  walk_.look(run);
  rank_programs();
  groups_.begin_round();
  uses_.clear();
  thread_budget_ = limits_.thread_files;
  for (const SeenProcess& process : walk_.processes()) {
    if (const ProcessTarget* const target = target_of(process)) {
      take_target(run, process, *target);
    } else {
      take_program(run, process);
    }
  }
  report_hidden_targets(run);
  std::erase_if(members_, [this](const auto& item) { return item.second.round != round_; });
  groups_.end_round(run.time().now_ns);
  add_process_families(run, groups_);
  add_process_states(run, walk_);
}

}  // namespace hostlens::scrapers
