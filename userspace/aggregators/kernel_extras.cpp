// SPDX-License-Identifier: Apache-2.0
#include "aggregators/kernel_extras.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "aggregators/family_list.h"

namespace hostlens::aggregators {
namespace {

using model::MetricFamily;
using model::MetricKind;

double seconds(uint64_t ns) { return static_cast<double>(ns) * 1e-9; }

}  // namespace

void add_listener_families(std::vector<MetricFamily>& families,
                           const std::vector<model::ListenerState>& listeners, size_t limit,
                           uint64_t now_unix_ns) {
  struct Queue {
    std::shared_ptr<const model::Service> service;
    uint16_t port = 0;
    int64_t backlog = 0;
    int64_t max = 0;
  };
  std::map<std::pair<const model::Service*, uint16_t>, Queue> queues;
  for (const model::ListenerState& listener : listeners) {
    Queue& queue = queues[{listener.service.get(), listener.port}];
    queue.service = listener.service;
    queue.port = listener.port;
    queue.backlog += listener.backlog;
    queue.max += listener.max;
  }
  std::vector<Queue> longest;
  longest.reserve(queues.size());
  for (auto& [key, queue] : queues) longest.push_back(std::move(queue));
  std::stable_sort(longest.begin(), longest.end(),
                   [](const Queue& a, const Queue& b) { return a.backlog > b.backlog; });
  if (longest.size() > limit) longest.resize(limit);
  if (longest.empty()) return;
  MetricFamily waiting = new_family("hostlens.listen.queue", "Connections that wait for accept(2).",
                                    "{connection}", MetricKind::kGauge);
  MetricFamily most =
      new_family("hostlens.listen.queue.limit",
                 "How long the queue may be; what comes when it is longer is dropped.",
                 "{connection}", MetricKind::kGauge);
  for (const Queue& queue : longest) {
    const model::Attributes port{{"server.port", int64_t{queue.port}}};
    waiting.points.push_back({queue.service, port, now_unix_ns, queue.backlog, {}});
    most.points.push_back({queue.service, port, now_unix_ns, queue.max, {}});
  }
  families.push_back(std::move(waiting));
  families.push_back(std::move(most));
}

void add_system_call_families(std::vector<MetricFamily>& families, const system_call_books& books,
                              uint64_t start_unix_ns) {
  MetricFamily time = new_family("hostlens.syscall.burst.time",
                                 "How long system calls were observed: sampled for "
                                 "hostlens.syscall.duration, watched because somebody asked.",
                                 "s", MetricKind::kCounter);
  const auto point = [&](double value, model::Attributes attributes) {
    return model::MetricPoint{nullptr, std::move(attributes), start_unix_ns, value, {}};
  };
  time.points.push_back(point(seconds(books.observed_ns), {{"mode", std::string("sampled")}}));
  time.points.push_back(point(seconds(books.watched_ns), {{"mode", std::string("watched")}}));
  families.push_back(std::move(time));
  if (books.bursts == 0 || books.runs == 0) return;  // not measured
  MetricFamily cost = new_family("hostlens.syscall.burst.cost",
                                 "Time that observing them took in the callers' own threads, of "
                                 "targets or not.",
                                 "s", MetricKind::kCounter);
  cost.points.push_back(point(seconds(books.run_ns), {}));
  families.push_back(std::move(cost));
  MetricFamily runs =
      new_family("hostlens.syscall.burst.runs",
                 "Runs of the programs that observe them, two per system call of the "
                 "host.",
                 "{run}", MetricKind::kCounter);
  runs.points.push_back({nullptr, {}, start_unix_ns, static_cast<int64_t>(books.runs), {}});
  families.push_back(std::move(runs));
}

}  // namespace hostlens::aggregators
