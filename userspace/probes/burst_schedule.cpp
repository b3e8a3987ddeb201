// SPDX-License-Identifier: Apache-2.0
#include "probes/burst_schedule.h"

#include <algorithm>

namespace hostlens::probes {
namespace {

constexpr uint64_t kLongestWatchNs = 600'000'000'000;

}  // namespace

BurstSchedule::BurstSchedule(BurstObserver& observer, BurstSettings settings, uint64_t now_ns)
    : observer_(observer), covered_ns_(now_ns) {
  set(settings, now_ns);
}

void BurstSchedule::set(BurstSettings settings, uint64_t now_ns) {
  settings_ = settings;
  settings_.burst_ns = std::min(settings_.burst_ns, settings_.period_ns);
  if (runs_ && !burst_.watched) cut(now_ns);
  // The burst ends with the period that it stands for. While it is off, nothing stands for
  // anything.
  next_begin_ns_ = off() ? UINT64_MAX : now_ns + settings_.period_ns - settings_.burst_ns;
  covered_ns_ = now_ns;
}

void BurstSchedule::begin(const Burst& burst) {
  burst_ = burst;
  runs_ = observer_.begin(burst_);
}

void BurstSchedule::end() {
  runs_ = false;
  observer_.end(burst_);
}

/// What it does not stand for now is the next one's.
void BurstSchedule::cut(uint64_t now_ns) {
  const uint64_t missing_ns = burst_.end_ns - now_ns;
  burst_.end_ns = now_ns;
  if (!burst_.watched) covered_ns_ -= burst_.times * missing_ns;
  end();
}

void BurstSchedule::watch(uint64_t duration_ns, uint64_t now_ns) {
  const uint64_t end_ns = now_ns + std::min(duration_ns, kLongestWatchNs);
  if (runs_ && now_ns >= burst_.end_ns) end();
  if (runs_ && burst_.watched && end_ns <= burst_.end_ns) return;
  if (runs_) cut(now_ns);
  begin({now_ns, end_ns, 1, true});
}

void BurstSchedule::tick(uint64_t now_ns) {
  if (runs_ && now_ns >= burst_.end_ns) end();
  if (runs_ || now_ns < next_begin_ns_) return;
  const uint64_t end_ns = now_ns + settings_.burst_ns;
  const uint64_t stands_for_ns = end_ns - covered_ns_;
  const uint64_t times = (stands_for_ns + settings_.burst_ns / 2) / settings_.burst_ns;
  begin({now_ns, end_ns, static_cast<uint32_t>(std::clamp<uint64_t>(times, 1, UINT32_MAX)), false});
  covered_ns_ = burst_.end_ns;  // of one that could not begin, too: nobody knows
  next_begin_ns_ = burst_.end_ns + settings_.period_ns - settings_.burst_ns;
}

uint64_t BurstSchedule::next_ns() const { return runs_ ? burst_.end_ns : next_begin_ns_; }

}  // namespace hostlens::probes
