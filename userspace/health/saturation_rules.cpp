// SPDX-License-Identifier: Apache-2.0
// How near a service is to its limits.
#include <algorithm>

#include "health/rules.h"
#include "health/words.h"

namespace hostlens::health {
namespace {

constexpr uint64_t kMinuteNs = 60'000'000'000;

/// `used` of `limit`; nothing without a limit, unknown when either is old.
void find_share(const Gauge& used, const Gauge& limit, const Levels& levels,
                const RuleContext& context, std::string (*words)(double), std::string_view what,
                Findings& findings) {
  if (!used.told() || !limit.told() || limit.value <= 0) return;
  // A limit that was lifted is told no more, while the use still is.
  const auto is = used.fresh(context.now_ns, context.stale_ns);
  if (is && !limit.fresh(context.now_ns, context.stale_ns)) return;
  Finding finding;
  finding.subject = what;
  finding.levels = levels;
  if (is) {
    finding.value = *is / limit.value;
    finding.text = words(*is) + " of " + words(limit.value) + " " + std::string(what);
  } else {
    finding.text = std::string(what) + " could not be read";
  }
  findings.push_back(std::move(finding));
}

}  // namespace

void find_cpu_throttling(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  const RatioWindow& window = record.throttling;
  if (window.empty() || context.now_ns - window.last_ns() > 10 * context.stale_ns) return;
  Finding finding;
  finding.levels = context.settings.cpu_throttling;
  if (context.now_ns - window.last_ns() <= context.stale_ns) {
    const Counts is = window.sum(kMinuteNs, context.now_ns);
    finding.value = is.share();
    finding.text = "stopped by its CPU limit in " + percent(is.share()) + " of " + whole(is.total) +
                   " periods in 60 s";
  } else {
    finding.text = "CPU use of the cgroup could not be read";
  }
  findings.push_back(std::move(finding));
}

void find_runqueue(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  const LatencyMemory& memory = record.runqueue;
  if (!memory.has_total || context.now_ns - memory.recent.last_ns() > 10 * context.stale_ns) return;
  constexpr uint64_t kLeast = 100;  // fewer waits have no 95th percentile to speak of
  const CoarseHistogram waits = memory.recent.sum(kMinuteNs, context.now_ns);
  Finding finding;
  finding.value = waits.quantile(0.95);
  finding.levels = context.settings.runqueue;
  if (waits.count() < kLeast) finding.judged = 0;
  finding.text = "95% of " + whole(static_cast<double>(waits.count())) +
                 " waits for a CPU in 60 s were shorter than " + duration(*finding.value);
  findings.push_back(std::move(finding));
}

void find_file_descriptors(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  const OpenFiles& files = record.open_files;
  if (!files.share.told() || record.presence.alive == 0) return;
  Finding finding;
  finding.value = files.share.fresh(context.now_ns, context.stale_ns);
  finding.levels = context.settings.file_descriptors;
  if (!finding.value) {
    finding.text = "open files could not be read";
  } else if (files.limit == UINT64_MAX) {
    finding.text = whole(static_cast<double>(files.open)) + " open files, no limit";
  } else {
    finding.text = whole(static_cast<double>(files.open)) + " of " +
                   whole(static_cast<double>(files.limit)) + " open files in process " +
                   std::to_string(files.pid);
  }
  findings.push_back(std::move(finding));
}

void find_threads(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  find_share(record.threads, record.threads_limit, context.settings.threads, context, whole,
             "threads of the cgroup", findings);
  if (!record.user_threads_share.told() || record.presence.alive == 0) return;
  Finding finding;
  finding.subject = "user";
  finding.value = record.user_threads_share.fresh(context.now_ns, context.stale_ns);
  finding.levels = context.settings.threads;
  finding.text = finding.value ? percent(*finding.value) + " of the threads that its user may have"
                               : "threads could not be read";
  findings.push_back(std::move(finding));
}

void find_memory(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  find_share(record.memory_used, record.memory_limit, context.settings.memory, context, bytes,
             "memory of the cgroup", findings);
}

void find_accept_queue(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  for (const auto& [port, listener] : record.listeners) {
    Finding finding;
    finding.subject = std::to_string(port);
    finding.value = listener.share.fresh(context.now_ns, context.stale_ns);
    finding.levels = context.settings.accept_queue;
    finding.text = "port " + finding.subject + ": ";
    finding.text += finding.value ? whole(listener.backlog) + " of " + whole(listener.max) +
                                        " connections wait to be accepted"
                                  : "the queue could not be read";
    findings.push_back(std::move(finding));
  }
  if (!record.overflows_told) return;
  Finding finding;
  finding.subject = "overflows";
  finding.value = record.overflows.sum(kMinuteNs, context.now_ns).bad;
  finding.levels = context.settings.accept_overflows;
  finding.text = whole(*finding.value) + " connections found the queue full in 60 s";
  findings.push_back(std::move(finding));
}

Finding oom_finding(const OomMemory& oom, const RuleContext& context) {
  const uint64_t span_ns = context.settings.oom_window_ns;
  const Counts sum = oom.kills.sum(span_ns, context.now_ns);
  Finding finding;
  finding.value = std::max(sum.bad, sum.total - sum.bad);  // two tell of the same kills
  finding.levels = context.settings.oom;
  finding.text = whole(*finding.value) + " processes killed for want of memory in " +
                 duration(static_cast<double>(span_ns) / 1e9);
  if (*finding.value > 0 && !oom.last.empty()) finding.text += ", the last: " + oom.last;
  finding.at_once = true;
  return finding;
}

void find_oom(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  if (record.oom.told) findings.push_back(oom_finding(record.oom, context));
}

}  // namespace hostlens::health
