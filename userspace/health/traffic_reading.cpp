// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>
#include <vector>

#include "health/reading.h"

namespace hostlens::health {
namespace {

/// What of a family belongs to one server or dependency.
struct Sum {
  Counts counts;
  std::vector<const model::ExponentialHistogram*> histograms;
};

bool is_status(std::string_view text) {
  return text.size() == 3 && text[0] >= '1' && text[0] <= '9';
}

/// A failure of the one who answers: a status from 500 on, or no answer. A client that goes away or
/// asks for what is not there is none.
bool is_server_error(const model::MetricPoint& point) {
  const std::string_view type = text_of(point, "error.type");
  if (type.empty() || type == "closed_by_client") return false;
  return !is_status(type) || type[0] >= '5';
}

void add(Sum& sum, const Reading& reading, const model::MetricPoint& point) {
  const auto* histogram = std::get_if<model::ExponentialHistogram>(&point.value);
  if (histogram == nullptr) return;
  const double gained = reading.gain(point);
  sum.counts.total += gained;
  if (is_server_error(point)) sum.counts.bad += gained;
  sum.histograms.push_back(histogram);
}

void take(Traffic& traffic, const Sum& sum, const Reading& reading) {
  const uint64_t now_ns = reading.memory.now_ns();
  traffic.counts.add(sum.counts, now_ns);
  take_latency(traffic.latency, sum.histograms, sum.counts.total, now_ns,
               reading.memory.settings().latency_relearn_ns);
}

/// "api.internal:8080", or what there is of it.
std::string peer_of(const model::MetricPoint& point) {
  std::string name(text_of(point, "server.address"));
  for (const model::Attribute& attribute : point.attributes) {
    if (attribute.key != "server.port") continue;
    if (const auto* port = std::get_if<int64_t>(&attribute.value)) {
      name += ':';
      name += std::to_string(*port);
    }
  }
  return name;
}

void add_connects(const Reading& reading, bool failed) {
  for (const model::MetricPoint& point : reading.family.points) {
    if (point.service == nullptr) continue;
    const std::string_view role = text_of(point, "hostlens.connection.role");
    const double gained = reading.gain(point);
    ServiceRecord* const record = reading.memory.record_of(point.service);
    if (record == nullptr) continue;
    if (role == "server") {
      record->presence.is_service = true;
      continue;
    }
    const std::string peer = peer_of(point);
    if (role != "client" || peer.empty()) continue;
    Dependency* const dependency = reading.memory.dependency_of(*record, peer);
    if (dependency == nullptr) continue;
    if (gained > 0) dependency->active_ns = reading.memory.now_ns();
    dependency->connects.add({gained, failed ? gained : 0}, reading.memory.now_ns());
  }
}

}  // namespace

void take_latency(LatencyMemory& memory,
                  const std::vector<const model::ExponentialHistogram*>& histograms, double gained,
                  uint64_t now_ns, uint64_t relearn_ns) {
  const uint64_t number = now_ns / memory.slot_ns;
  if (number != memory.slot_number) {
    constexpr uint64_t kLeastToLearn = 10;  // fewer have no 95th percentile
    if (memory.slot.count() >= kLeastToLearn) {
      memory.baseline.learn(memory.slot.quantile(0.95), memory.bad, now_ns, relearn_ns);
    }
    memory.slot = {};
    memory.slot_number = number;
  }
  if (gained == 0) return;
  CoarseHistogram total;
  for (const model::ExponentialHistogram* histogram : histograms) total.add(*histogram);
  // Series that ended or began anew leave no telling what came in this step: it is passed over.
  const CoarseHistogram gain = memory.has_total ? total.since(memory.total) : total;
  if (static_cast<double>(gain.count()) == gained) {
    memory.recent.add(gain, now_ns);
    memory.slot += gain;
  }
  memory.total = total;
  memory.has_total = true;
}

void read_server_requests(const Reading& reading) {
  std::map<ServiceRecord*, Sum> sums;
  for (const model::MetricPoint& point : reading.family.points) {
    if (point.service == nullptr) continue;
    ServiceRecord* const record = reading.memory.record_of(point.service);
    if (record != nullptr) add(sums[record], reading, point);
  }
  for (const auto& [record, sum] : sums) {
    record->presence.is_service = true;
    if (sum.counts.total > 0) record->active_ns = reading.memory.now_ns();
    take(record->server, sum, reading);
  }
}

void read_client_requests(const Reading& reading) {
  std::map<Dependency*, Sum> sums;
  for (const model::MetricPoint& point : reading.family.points) {
    if (point.service == nullptr) continue;
    const std::string peer = peer_of(point);
    ServiceRecord* const record = peer.empty() ? nullptr : reading.memory.record_of(point.service);
    if (record == nullptr) continue;
    Dependency* const dependency = reading.memory.dependency_of(*record, peer);
    if (dependency != nullptr) add(sums[dependency], reading, point);
  }
  for (const auto& [dependency, sum] : sums) {
    if (sum.counts.total > 0) dependency->active_ns = reading.memory.now_ns();
    take(dependency->requests, sum, reading);
  }
}

void read_opened(const Reading& reading) { add_connects(reading, false); }

void read_failed(const Reading& reading) { add_connects(reading, true); }

}  // namespace hostlens::health
