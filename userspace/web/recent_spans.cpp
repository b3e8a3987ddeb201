// SPDX-License-Identifier: Apache-2.0
#include "web/recent_spans.h"

#include <algorithm>
#include <map>
#include <utility>

namespace hostlens::web {

void RecentSpans::add(model::Span span) {
  if (capacity_ == 0) return;
  ++taken_;
  const std::lock_guard lock(mutex_);
  if (spans_.size() >= capacity_) spans_.pop_front();
  spans_.push_back(std::move(span));
}

void RecentSpans::tick() {
  const uint32_t taken = std::exchange(taken_, 0);
  if (taken > per_second_) {
    const double share = static_cast<double>(per_second_) / taken;
    threshold_ = static_cast<uint32_t>(threshold_ * share);
  } else if (taken < per_second_ / 2) {
    threshold_ = threshold_ > UINT32_MAX / 2 ? UINT32_MAX : threshold_ * 2 + 1;
  }
}

size_t RecentSpans::size() const {
  const std::lock_guard lock(mutex_);
  return spans_.size();
}

std::vector<RecentTrace> RecentSpans::traces(size_t limit) const {
  std::vector<model::Span> copy;
  {
    const std::lock_guard lock(mutex_);
    copy.assign(spans_.rbegin(), spans_.rend());
  }
  std::map<model::TraceId, size_t> index;
  std::vector<RecentTrace> traces;
  for (model::Span& span : copy) {  // newest first: so are the traces
    const auto [place, is_new] = index.try_emplace(span.context.trace_id, traces.size());
    if (is_new) {
      if (traces.size() >= limit) {
        index.erase(place);
        continue;
      }
      traces.push_back({span.context.trace_id, {}});
    }
    traces[place->second].spans.push_back(std::move(span));
  }
  for (RecentTrace& trace : traces) {
    std::stable_sort(trace.spans.begin(), trace.spans.end(),
                     [](const model::Span& a, const model::Span& b) {
                       return a.start_unix_ns < b.start_unix_ns;
                     });
  }
  return traces;
}

}  // namespace hostlens::web
