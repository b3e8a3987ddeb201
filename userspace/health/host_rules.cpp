// SPDX-License-Identifier: Apache-2.0
// The host under the services, the agent's own loss, and configured checks.
#include <algorithm>
#include <array>
#include <cmath>

#include "health/rules.h"
#include "health/words.h"

namespace hostlens::health {
namespace {

constexpr uint64_t kMinuteNs = 60'000'000'000;

void find_full(const std::string& mount, const FileSystem& is, bool inodes, const Levels& levels,
               const RuleContext& context, Findings& findings) {
  const Gauge& used = inodes ? is.used_inodes : is.used;
  const Gauge& free = inodes ? is.free_inodes : is.free;
  if (!used.told() && !(is.stuck && !inodes)) return;
  Finding finding;
  finding.subject = mount;
  finding.levels = levels;
  const auto now = used.fresh(context.now_ns, context.stale_ns);
  if (is.stuck || !now) {
    finding.text = mount + (is.stuck ? " does not answer" : " could not be read");
    findings.push_back(std::move(finding));
    return;
  }
  const double all = *now + free.value;
  finding.value = all > 0 ? *now / all : 1;
  finding.text = mount + ": " + percent(*finding.value) + (inodes ? " of the inodes" : "") +
                 " used, " + (inodes ? whole(free.value) : bytes(free.value)) + " free";
  const auto left = (inodes ? is.inodes : is.space).seconds_until(free.value);
  if (left) finding.text += ", full in " + duration(*left) + " at this rate";
  Finding trend = finding;
  findings.push_back(std::move(finding));
  if (!left) return;
  trend.subject += " trend";
  trend.value = *left;
  trend.levels = context.settings.time_left;
  findings.push_back(std::move(trend));
}

void find_disk_space(HostRecord& host, const RuleContext& context, Findings& findings) {
  for (const auto& [mount, is] : host.file_systems) {
    find_full(mount, is, false, context.settings.disk_space, context, findings);
  }
}

void find_inodes(HostRecord& host, const RuleContext& context, Findings& findings) {
  for (const auto& [mount, is] : host.file_systems) {
    find_full(mount, is, true, context.settings.inodes, context, findings);
  }
}

void find_memory_pressure(HostRecord& host, const RuleContext& context, Findings& findings) {
  if (!host.memory_stalls.empty()) {
    Finding finding;
    finding.subject = "stalls";
    finding.levels = context.settings.memory_pressure;
    finding.text = "memory pressure could not be read";
    if (context.now_ns - host.memory_stalls.last_ns() <= context.stale_ns) {
      const Counts is = host.memory_stalls.sum(kMinuteNs, context.now_ns);
      finding.value = is.share();
      finding.text =
          "all tasks stood still for memory in " + percent(is.share()) + " of the last minute";
    }
    findings.push_back(std::move(finding));
  }
  if (!host.memory_available.told() || host.memory_limit.value <= 0) return;
  Finding finding;
  finding.subject = "available";
  finding.levels = context.settings.memory_available;
  finding.text = "memory could not be read";
  if (const auto free = host.memory_available.fresh(context.now_ns, context.stale_ns)) {
    finding.value = *free / host.memory_limit.value;
    finding.text = bytes(*free) + " of " + bytes(host.memory_limit.value) + " memory available";
  }
  findings.push_back(std::move(finding));
}

void find_host_oom(HostRecord& host, const RuleContext& context, Findings& findings) {
  if (host.oom.told) findings.push_back(oom_finding(host.oom, context));
}

/// A clock that nobody ever disciplined has no offset that could be told.
void find_clock(HostRecord& host, const RuleContext& context, Findings& findings) {
  if (!host.clock_was_synchronized) return;
  const auto synchronized = host.clock_synchronized.fresh(context.now_ns, context.stale_ns);
  Finding finding;
  finding.levels = context.settings.clock_offset;
  if (!synchronized) {
    finding.text = "the clock's state could not be read";
  } else if (*synchronized == 0) {
    finding.subject = "synchronized";
    finding.value = 0;
    finding.levels = {0.5, -1};
    finding.threshold = 1;
    finding.text = "the clock is not synchronized any more";
  } else {
    finding.value = std::abs(host.clock_offset.value);
    finding.text = "the clock is off by " + duration(*finding.value);
  }
  findings.push_back(std::move(finding));
}

void find_units(HostRecord& host, const RuleContext& context, Findings& findings) {
  if (host.units == nullptr) return;
  constexpr size_t kNamed = 3;
  size_t failed = 0;
  std::string names;
  for (const model::UnitState& unit : *host.units) {
    if (unit.active_state != "failed") continue;
    if (failed++ < kNamed) names += (names.empty() ? ": " : ", ") + unit.name;
  }
  Finding finding;
  finding.value = static_cast<double>(failed);
  finding.levels = context.settings.units;
  finding.text = whole(*finding.value) + (failed == 1 ? " unit failed" : " units failed") + names +
                 (failed > kNamed ? ", ..." : "");
  findings.push_back(std::move(finding));
}

/// Units whose service is no target: the others restart under their service's name.
void find_unit_restarts(HostRecord& host, const RuleContext& context, Findings& findings) {
  const uint64_t span_ns = context.settings.restarts_window_ns;
  for (const auto& [unit, window] : host.unit_restarts) {
    Finding finding;
    finding.subject = unit;
    finding.value = window.sum(span_ns, context.now_ns).bad;
    finding.levels = context.settings.restarts;
    finding.text = unit + ": " + whole(*finding.value) + " restarts in " +
                   duration(static_cast<double>(span_ns) / 1e9);
    finding.at_once = true;
    findings.push_back(std::move(finding));
  }
}

void find_conntrack(HostRecord& host, const RuleContext& context, Findings& findings) {
  if (!host.conntrack_entries.told() || host.conntrack_limit.value <= 0) return;
  Finding finding;
  finding.levels = context.settings.conntrack;
  finding.text = "tracked connections could not be read";
  if (const auto entries = host.conntrack_entries.fresh(context.now_ns, context.stale_ns)) {
    finding.value = *entries / host.conntrack_limit.value;
    finding.text =
        whole(*entries) + " of " + whole(host.conntrack_limit.value) + " connections are tracked";
  }
  findings.push_back(std::move(finding));
}

/// Where the kernel tells overflows of the whole host alone.
void find_host_accept_queue(HostRecord& host, const RuleContext& context, Findings& findings) {
  if (!host.overflows_told) return;
  Finding finding;
  finding.value = host.overflows.sum(kMinuteNs, context.now_ns).bad;
  finding.levels = context.settings.accept_overflows;
  finding.text = whole(*finding.value) + " connections found a listener's queue full in 60 s";
  findings.push_back(std::move(finding));
}

void find_agent_loss(HostRecord& host, const RuleContext& context, Findings& findings) {
  constexpr double kFew = 10;
  for (const auto& [stage, window] : host.stages) {
    const Counts is = window.sum(kMinuteNs, context.now_ns);
    Finding finding;
    finding.subject = stage;
    finding.value = is.total > 0 ? std::min(is.share(), 1.0) : is.bad > 0 ? 1.0 : 0.0;
    if (is.bad < kFew) finding.judged = 0;
    finding.levels = context.settings.agent_loss;
    finding.text =
        whole(is.bad) + " of " + whole(is.total) + " records lost in stage " + stage + " in 60 s";
    findings.push_back(std::move(finding));
  }
  if (host.control_lost.empty()) return;
  Finding finding;
  finding.subject = "control records";
  finding.value = host.control_lost.sum(kMinuteNs, context.now_ns).bad;
  finding.levels = {1, 1000};
  finding.text = whole(*finding.value) + " control records lost in 60 s";
  findings.push_back(std::move(finding));
}

void find_certificates(HostRecord& host, const RuleContext& context, Findings& findings) {
  for (const model::CheckStatus& check : host.checks) {
    if (!check.last.certificate_days) continue;
    Finding finding;
    finding.subject = check.target;
    finding.value = *check.last.certificate_days;
    finding.levels = context.settings.certificate_days;
    finding.text = check.target + ": the certificate " +
                   (*finding.value >= 0 ? "expires in " : "expired ") +
                   duration(std::abs(*finding.value) * 86400) + (*finding.value >= 0 ? "" : " ago");
    finding.at_once = true;
    findings.push_back(std::move(finding));
  }
}

/// Of the last runs; a run takes as long as its timeout at most.
void find_checks(HostRecord& host, const RuleContext& context, Findings& findings) {
  for (const model::CheckStatus& check : host.checks) {
    const auto needed = static_cast<double>(check.failures_needed);
    Finding finding;
    finding.subject = check.name;
    finding.levels = {needed, needed};
    finding.text = check.last.text;
    finding.at_once = true;
    const bool old =
        check.last_end_ns == 0 || context.now_ns - std::min(context.now_ns, check.last_end_ns) >
                                      3 * check.interval_ns + context.stale_ns;
    const bool undecided = check.failures > 0 && check.failures < check.failures_needed &&
                           check.runs == check.failures;  // has never passed
    if (check.runs == 0) finding.text = "has not run yet";
    if (check.runs > 0 && old) finding.text = "has not run for too long; " + finding.text;
    if (check.runs > 0 && !old && !undecided &&
        check.last.outcome != model::CheckResult::Outcome::kUnknown) {
      finding.value = static_cast<double>(check.failures);
    }
    if (check.failures > 0) {
      finding.text += " (" + std::to_string(check.failures) +
                      (check.failures == 1 ? " failure" : " failures") + " in a row)";
    }
    findings.push_back(std::move(finding));
  }
}

}  // namespace

std::span<const HostRule> host_rules() {
  static constexpr std::array kRules = {
      HostRule{SignalId::kRestarts, find_unit_restarts, nullptr},
      HostRule{SignalId::kAcceptQueue, find_host_accept_queue, nullptr},
      HostRule{SignalId::kCertificate, find_certificates, nullptr},
      HostRule{SignalId::kDiskSpace, find_disk_space, "no file system is told"},
      HostRule{SignalId::kInodes, find_inodes, "no file system tells inodes"},
      HostRule{SignalId::kMemoryPressure, find_memory_pressure, "memory is not told"},
      HostRule{SignalId::kOom, find_host_oom, "no probe tells OOM kills"},
      HostRule{SignalId::kClock, find_clock,
               "no time daemon keeps the clock, or it is not readable"},
      HostRule{SignalId::kUnits, find_units, "systemd is not asked, or does not answer"},
      HostRule{SignalId::kConntrack, find_conntrack, "no connection is tracked here"},
      HostRule{SignalId::kAgentLoss, find_agent_loss, "the agent's books are not told"},
      HostRule{SignalId::kCheck, find_checks, nullptr},
  };
  return kRules;
}

}  // namespace hostlens::health
