// SPDX-License-Identifier: Apache-2.0
#include "health/engine.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "health/rules.h"

namespace hostlens::health {
namespace {

/// A reading of the host may come late, and one may fail.
uint64_t stale_after(uint64_t interval_ns) {
  constexpr uint64_t kPatienceNs = 5'000'000'000;
  return 3 * interval_ns + kPatienceNs;
}

void update(Board& board, SignalId id, Finding&& finding, const RuleContext& context,
            uint64_t round) {
  GateTiming timing;
  if (!finding.at_once) timing = {context.settings.hold_ns, context.settings.recovery_ns};
  Entry& entry = board.entries[{id, std::move(finding.subject)}];
  const auto judged = finding.value && finding.judged ? finding.judged : finding.value;
  entry.gate.update(judged, finding.levels, timing, context.now_ns);
  entry.value = finding.value;
  entry.levels = finding.levels;
  if (finding.threshold) entry.levels = {*finding.threshold, *finding.threshold};
  entry.text = std::move(finding.text);
  entry.round = round;
}

/// One signal out of its subjects: the worst one speaks for all.
class Gathering {
 public:
  void add(const Entry& entry) {
    const int bad = badness(entry.gate.state());
    if (worst_ == nullptr || bad > badness(worst_->gate.state())) {
      worst_ = &entry;
      alike_ = 1;
    } else if (bad == badness(worst_->gate.state())) {
      ++alike_;
    }
  }
  [[nodiscard]] bool empty() const { return worst_ == nullptr; }

  [[nodiscard]] Signal signal(std::string name, Board::Summary& summary, const RuleContext& context,
                              uint64_t unix_ns) const {
    Signal out;
    out.name = std::move(name);
    out.state = worst_->gate.state();
    if (summary.since_ns == 0 || summary.state != out.state) {
      summary = {out.state, context.now_ns};
    }
    // Told anew from the monotonic time, so that it follows a clock that is set.
    const uint64_t ago_ns = context.now_ns - summary.since_ns;
    out.since_unix_ns = unix_ns > ago_ns ? unix_ns - ago_ns : 0;
    out.evidence.value = worst_->value;
    out.evidence.threshold = threshold_of(out.state, worst_->levels);
    out.evidence.text = worst_->text;
    if (alike_ > 1 && out.state != State::kOk) {
      out.evidence.text += " (and " + std::to_string(alike_ - 1) + " more)";
    }
    return out;
  }

 private:
  const Entry* worst_ = nullptr;
  size_t alike_ = 0;
};

/// Drops what was not found in this round, and reports the rest.
void report(Board& board, const std::shared_ptr<const model::Service>& service,
            const RuleContext& context, uint64_t round, HealthReport& out) {
  std::erase_if(board.entries, [&](const auto& item) { return item.second.round != round; });
  std::map<std::pair<SignalId, std::string>, Board::Summary> summaries;
  for (auto entry = board.entries.begin(); entry != board.entries.end();) {
    const SignalId id = entry->first.first;
    const std::string own = id == SignalId::kCheck ? entry->first.second : std::string();
    Gathering gathering;
    do {
      gathering.add(entry->second);
      ++entry;
    } while (entry != board.entries.end() && entry->first.first == id && id != SignalId::kCheck);
    Board::Summary& summary = summaries[{id, own}];
    if (const auto before = board.summaries.find({id, own}); before != board.summaries.end()) {
      summary = before->second;
    }
    out.signals.push_back(
        gathering.signal(std::string(name_of(id)) + own, summary, context, out.unix_ns));
    out.signals.back().service = service;
  }
  board.summaries = std::move(summaries);
}

}  // namespace

HealthEngine::HealthEngine(HealthSettings settings, HealthBounds bounds)
    : settings_(std::move(settings)), memory_(settings_, bounds) {
  for (size_t i = 0; i < kSignalNames.size(); ++i) {
    const auto& off = settings_.off;
    if (std::find(off.begin(), off.end(), kSignalNames[i]) != off.end()) off_ |= 1U << i;
  }
}

bool HealthEngine::is_off(SignalId id) const {
  return (off_ >> static_cast<unsigned>(id) & 1U) != 0;
}

void HealthEngine::judge_services(const RuleContext& context, HealthReport& out) {
  for (auto& [key, record] : memory_.services()) {
    for (const ServiceRule& rule : service_rules()) {
      if (is_off(rule.id)) continue;
      Findings findings;
      rule.find(record, context, findings);
      for (Finding& finding : findings) {
        update(record.board, rule.id, std::move(finding), context, round_);
      }
    }
    report(record.board, record.service, context, round_, out);
  }
}

void HealthEngine::judge_host(const RuleContext& context, HealthReport& out) {
  HostRecord& host = memory_.host();
  for (const HostRule& rule : host_rules()) {
    if (is_off(rule.id)) continue;
    Findings findings;
    rule.find(host, context, findings);
    if (findings.empty() && rule.why_absent != nullptr) {
      out.unavailable.push_back({name_of(rule.id), rule.why_absent});
    }
    for (Finding& finding : findings) {
      update(host.board, rule.id, std::move(finding), context, round_);
    }
  }
  report(host.board, nullptr, context, round_, out);
  if (memory_.full()) out.unavailable.push_back({"up", "more services than are judged"});
}

std::shared_ptr<const HealthReport> HealthEngine::evaluate(const model::MetricSnapshot& snapshot,
                                                           const HealthInputs& inputs) {
  if (last_ != nullptr && snapshot.monotonic_ns <= last_ns_) return last_;
  last_ns_ = snapshot.monotonic_ns;
  ++round_;
  memory_.observe(snapshot, inputs);
  const RuleContext context{settings_, snapshot.monotonic_ns, stale_after(inputs.interval_ns),
                            memory_.host().processes_ns};
  auto out = std::make_shared<HealthReport>();
  out->unix_ns = snapshot.unix_ns;
  judge_services(context, *out);
  judge_host(context, *out);
  std::stable_sort(out->signals.begin(), out->signals.end(), [](const Signal& a, const Signal& b) {
    return badness(a.state) > badness(b.state);
  });
  last_ = std::move(out);
  return last_;
}

}  // namespace hostlens::health
