// SPDX-License-Identifier: Apache-2.0
// Whether a service is there, and how it and those it calls answer.
#include <algorithm>

#include "health/rules.h"
#include "health/words.h"

namespace hostlens::health {
namespace {

constexpr double kSecond = 1e9;
/// Of so few failures none is a trend, whatever their share.
constexpr double kFewErrors = 3;
/// Series of requests end when they are idle for some minutes; until then silence is told as such.
constexpr uint64_t kSilenceNs = 300'000'000'000;

struct Recent {
  Counts counts;
  double seconds = 0;
};

Recent recent(const RatioWindow& window, const RuleContext& context) {
  const HealthSettings& settings = context.settings;
  Recent out{window.sum(settings.window_ns, context.now_ns),
             static_cast<double>(settings.window_ns) / kSecond};
  if (out.counts.total < static_cast<double>(settings.requests)) {
    out = {window.sum(2 * settings.window_ns, context.now_ns), 2 * out.seconds};
  }
  return out;
}

std::string share_text(const Recent& of, std::string_view what, std::string_view failed) {
  if (of.counts.total == 0) return "no " + std::string(what) + " in " + duration(of.seconds);
  return percent(of.counts.share()) + " of " + whole(of.counts.total) + " " + std::string(what) +
         " in " + duration(of.seconds) + " " + std::string(failed);
}

/// What is bad for one with this normal: times of it, at least its own scatter, and never a few
/// milliseconds that nobody feels.
Levels latency_levels(const Baseline& baseline, double normal, const HealthSettings& settings) {
  const double scatter = baseline.scatter();
  const auto above = [&](double times, double floor) {
    return normal + std::max(normal * (times - 1), floor);
  };
  return {above(std::max(settings.latency.degraded, scatter), settings.latency_floor),
          above(std::max(settings.latency.failing, 2 * scatter), 2 * settings.latency_floor)};
}

/// Nothing before a normal was learnt.
void find_slow(LatencyMemory& memory, const std::string& subject, const std::string& prefix,
               const RuleContext& context, Findings& findings) {
  const auto normal = memory.baseline.normal();
  if (!normal || context.now_ns - memory.recent.last_ns() > kSilenceNs) return;
  const HealthSettings& settings = context.settings;
  CoarseHistogram seen = memory.recent.sum(settings.window_ns, context.now_ns);
  if (seen.count() < settings.requests) {
    seen = memory.recent.sum(2 * settings.window_ns, context.now_ns);
  }
  Finding finding;
  finding.subject = subject;
  finding.levels = latency_levels(memory.baseline, *normal, settings);
  const double slow = seen.quantile(0.95);
  finding.value = slow;
  finding.text = prefix + "95% of " + whole(static_cast<double>(seen.count())) +
                 " requests took less than " + duration(slow) + "; normal is " + duration(*normal);
  if (seen.count() < settings.requests) {
    finding.judged = 0;
    finding.text = prefix + whole(static_cast<double>(seen.count())) +
                   " requests are too few to compare; normal is " + duration(*normal);
  }
  memory.bad = judge(finding.judged.value_or(slow), clearing(finding.levels)) != State::kOk;
  findings.push_back(std::move(finding));
}

}  // namespace

void find_up(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  const Presence& presence = record.presence;
  if (presence.first_ns == 0 || !presence.is_service) return;
  if (presence.stopped && presence.alive == 0) return;  // by an operator
  Finding finding;
  finding.levels = {0.5, 0.25};  // none is failing
  finding.threshold = 1;
  if (context.now_ns - context.processes_ns <= context.stale_ns) {
    finding.value = static_cast<double>(presence.alive);
    finding.text = whole(*finding.value) + (presence.alive == 1 ? " process" : " processes");
    if (presence.alive == 0) {
      finding.text = "no process for " +
                     duration(static_cast<double>(context.now_ns - presence.alive_ns) / kSecond);
    }
  } else {
    finding.text = "processes could not be read";
  }
  findings.push_back(std::move(finding));
}

void find_restarts(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  if (!record.presence.is_service || record.restarts.empty()) return;
  const uint64_t span_ns = context.settings.restarts_window_ns;
  // Of both the larger: systemd counts what came and went between two looks at the processes.
  const double count = std::max(record.restarts.sum(span_ns, context.now_ns).bad,
                                record.unit_restarts.sum(span_ns, context.now_ns).bad);
  Finding finding;
  finding.value = count;
  finding.levels = context.settings.restarts;
  finding.text = whole(count) + (count == 1 ? " restart in " : " restarts in ") +
                 duration(static_cast<double>(span_ns) / kSecond);
  finding.at_once = true;  // the window is the hold
  findings.push_back(std::move(finding));
}

void find_error_ratio(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  const RatioWindow& window = record.server.counts;
  if (window.empty() || context.now_ns - window.last_ns() > kSilenceNs) return;
  const Recent is = recent(window, context);
  Finding finding;
  finding.value = is.counts.share();
  finding.levels = context.settings.error_ratio;
  if (is.counts.bad < kFewErrors) finding.judged = 0;
  finding.text = share_text(is, "requests", "failed");
  findings.push_back(std::move(finding));
}

void find_latency(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  find_slow(record.server.latency, "", "", context, findings);
}

void find_dependency(ServiceRecord& record, const RuleContext& context, Findings& findings) {
  for (auto& [peer, dependency] : record.dependencies) {
    const Recent connects = recent(dependency.connects, context);
    const Recent requests = recent(dependency.requests.counts, context);
    const auto judged = [](const Recent& is) {
      return is.counts.bad < kFewErrors ? 0 : is.counts.share();
    };
    const bool unreachable = judged(connects) > judged(requests);
    const Recent& worse = unreachable ? connects : requests;
    Finding finding;
    finding.subject = peer;
    finding.value = worse.counts.share();
    finding.judged = judged(worse);
    finding.levels = context.settings.dependency;
    finding.text = peer + ": " + share_text(worse, unreachable ? "connects" : "requests", "failed");
    findings.push_back(std::move(finding));
    find_slow(dependency.requests.latency, peer + " latency", peer + ": ", context, findings);
  }
}

}  // namespace hostlens::health
