// SPDX-License-Identifier: Apache-2.0
#include "processors/thread_activity.h"

#include <algorithm>

namespace hostlens::processors {

void ThreadActivity::started(const model::Exchange& exchange) {
  if (exchange.side != model::Side::kServer || exchange.request_tid == 0) return;
  auto found = threads_.find(exchange.request_tid);
  if (found == threads_.end()) {
    if (threads_.size() >= kMostThreads) return;
    found = threads_.try_emplace(exchange.request_tid).first;
  }
  Thread& thread = found->second;
  if (thread.open.size() >= kMostOpen) {
    // Many at once tell nothing anyway; it has to be known that there were.
    thread.unknown_until_ns = std::max(thread.unknown_until_ns, exchange.request_start_ns);
    return;
  }
  thread.open.push_back({exchange.id, exchange.request_start_ns});
}

void ThreadActivity::ended(const model::Exchange& exchange) {
  if (exchange.side != model::Side::kServer) return;
  const auto found = threads_.find(exchange.request_tid);
  if (found == threads_.end()) return;
  Thread& thread = found->second;
  const auto open = std::find_if(thread.open.begin(), thread.open.end(),
                                 [&](const Open& any) { return any.exchange == exchange.id; });
  if (open == thread.open.end()) return;
  const uint64_t begin_ns = open->begin_ns;
  *open = thread.open.back();
  thread.open.pop_back();
  const uint64_t end_ns = std::max(exchange.end_ns, begin_ns);
  Ended value{
      begin_ns, end_ns, {exchange.route, exchange.context.trace_id, exchange.context.span_id}};
  // They settle in the order of their ends, but for a few.
  auto place = thread.ended.end();
  while (place != thread.ended.begin() && std::prev(place)->end_ns > end_ns) --place;
  thread.ended.insert(place, std::move(value));
  thread.longest_ns = std::max(thread.longest_ns, end_ns - begin_ns);
  if (thread.ended.size() > kMostEnded) {
    thread.unknown_until_ns = std::max(thread.unknown_until_ns, thread.ended.front().end_ns);
    thread.ended.pop_front();
  }
}

ThreadActivity::Answer ThreadActivity::at(uint32_t tid, uint64_t time_ns,
                                          ServedRequest& request) const {
  const auto found = threads_.find(tid);
  if (found == threads_.end()) return Answer::kNone;
  const Thread& thread = found->second;
  if (time_ns < thread.unknown_until_ns) return Answer::kNone;
  Answer answer = Answer::kNone;
  for (const Open& open : thread.open) {
    if (open.begin_ns > time_ns) continue;
    if (answer != Answer::kNone) return Answer::kNone;
    answer = Answer::kOpen;
  }
  auto ended = std::lower_bound(thread.ended.begin(), thread.ended.end(), time_ns,
                                [](const Ended& any, uint64_t time) { return any.end_ns < time; });
  for (; ended != thread.ended.end() && ended->end_ns - thread.longest_ns <= time_ns; ++ended) {
    if (ended->begin_ns > time_ns) continue;
    if (answer != Answer::kNone) return Answer::kNone;
    answer = Answer::kServing;
    request = ended->request;
  }
  return answer;
}

void ThreadActivity::forget_before(uint64_t time_ns) {
  for (auto next = threads_.begin(); next != threads_.end();) {
    Thread& thread = next->second;
    while (!thread.ended.empty() && thread.ended.front().end_ns < time_ns) {
      thread.ended.pop_front();
    }
    if (thread.ended.empty()) thread.longest_ns = 0;
    next = thread.ended.empty() && thread.open.empty() ? threads_.erase(next) : std::next(next);
  }
}

}  // namespace hostlens::processors
