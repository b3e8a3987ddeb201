// SPDX-License-Identifier: Apache-2.0
#include "aggregators/connection_metrics.h"

#include <algorithm>

namespace hostlens::aggregators {
namespace {

using model::MetricKind;

constexpr FamilyName kOpened = {"hostlens.connection.opened",
                                "Connections that were opened while the agent watched.",
                                "{connection}", MetricKind::kCounter};
constexpr FamilyName kActive = {"hostlens.connection.active", "Open connections.", "{connection}",
                                MetricKind::kUpDownCounter};
constexpr FamilyName kFailed = {"hostlens.connection.failed",
                                "Connects that failed, by the error that the caller got.",
                                "{connection}", MetricKind::kCounter};
constexpr FamilyName kIo = {"hostlens.connection.io",
                            "Bytes that socket calls moved, without protocol headers.", "By",
                            MetricKind::kCounter};
constexpr FamilyName kConnect = {
    "hostlens.tcp.connect.duration",
    "Time from SYN to established; with error.type, to the failure of the connect.", "s",
    MetricKind::kHistogram};
constexpr FamilyName kRetransmits = {"hostlens.tcp.retransmits", "TCP segments sent again.",
                                     "{segment}", MetricKind::kCounter};
constexpr FamilyName kResets = {"hostlens.tcp.resets",
                                "TCP connections that ended with a reset, by who sent it and why.",
                                "{connection}", MetricKind::kCounter};
constexpr FamilyName kRtt = {
    "hostlens.tcp.rtt",
    "Smoothed round-trip time of connections, one value per second in which one was used.", "s",
    MetricKind::kHistogram};

/// Two points of every series are in hostlens.connection.io.
constexpr size_t kPointsPerSeries = 2;

size_t peers_limit(size_t limit) { return limit / kPointsPerSeries; }

}  // namespace

ConnectionMetrics::ConnectionMetrics(size_t limit)
    : peers_(peers_limit(limit)), connects_(limit), resets_(limit) {}

ConnectionMetrics::PeerTable::Series& ConnectionMetrics::series_of(
    const processors::ConnectionFacts& facts, const ServicePointer& service) {
  const ConnectionKey key = connection_key(*service, facts.role, facts.local, facts.remote);
  PeerTable::Series* series = peers_.find(key);
  if (series == nullptr) {
    series = &peers_.admit(key, service, connection_attributes(key));
    if (series->service != nullptr) series->values.tcp = !key.unix_socket;
  }
  // A connection that was found mid-life gets its role from its first request.
  PeerTable::Series** const counted =
      facts.connection == 0 ? nullptr : open_.find(facts.connection);
  if (counted != nullptr && *counted != series) {
    --(*counted)->values.active;
    (*counted)->changed = true;
    ++series->values.active;
    *counted = series;
  }
  return *series;
}

void ConnectionMetrics::opened(const processors::ConnectionFacts& facts,
                               const ServicePointer& service, uint64_t connect_latency_ns) {
  PeerTable::Series& series = series_of(facts, service);
  if (facts.connection != 0 && open_.find(facts.connection) == nullptr) {
    open_[facts.connection] = &series;
    ++series.values.active;
  }
  if (facts.mid_life) return;
  ++series.values.opened;
  if (connect_latency_ns == 0 || facts.role != model::SocketRole::kClient) return;
  connect_of(connection_key(*service, facts.role, facts.local, facts.remote), service)
      .duration.record(static_cast<double>(connect_latency_ns) * 1e-9);
}

ConnectionMetrics::ConnectValues& ConnectionMetrics::connect_of(const ConnectionKey& key,
                                                                const ServicePointer& service) {
  ConnectTable::Series* const series = connects_.find(key);
  if (series != nullptr) return series->values;
  return connects_.admit(key, service, connection_attributes(key)).values;
}

void ConnectionMetrics::progress(const processors::ConnectionFacts& facts,
                                 const ServicePointer& service,
                                 const processors::ConnectionDelta& delta) {
  PeerValues& values = series_of(facts, service).values;
  values.bytes_sent += delta.bytes_sent;
  values.bytes_received += delta.bytes_received;
  values.retransmits += delta.retransmits;
  if (delta.srtt_us != 0) values.rtt.record(delta.srtt_us * 1e-6);
}

void ConnectionMetrics::closed(const processors::ConnectionFacts& facts,
                               const ServicePointer& service, model::CloseReason reason) {
  PeerTable::Series& series = series_of(facts, service);
  if (facts.connection != 0 && open_.find(facts.connection) != nullptr) {
    --series.values.active;
    open_.erase(facts.connection);
  }
  const bool by_us = reason == model::CloseReason::kResetByUs;
  if (!by_us && reason != model::CloseReason::kResetByPeer) return;
  ConnectionKey key = connection_key(*service, facts.role, facts.local, facts.remote);
  key.reset = facts.reset_reason;
  if (key.reset == model::ResetReason::kNone) {
    key.reset = by_us ? model::ResetReason::kOther : model::ResetReason::kWhileEstablished;
  }
  ResetTable::Series* const known = resets_.find(key);
  ++(known != nullptr ? *known : resets_.admit(key, service, connection_attributes(key)))
        .values.count;
}

void ConnectionMetrics::connect_failed(const ServicePointer& service,
                                       const model::ConnectFailed& failure) {
  const ConnectionKey key = failure_key(*service, failure);
  ConnectValues& values = connect_of(key, service);
  ++values.failed;
  if (failure.latency_ns != 0 && !key.unix_socket) {
    values.duration.record(static_cast<double>(failure.latency_ns) * 1e-9);
  }
}

void ConnectionMetrics::set_limit(size_t limit) {
  peers_.set_limit(peers_limit(limit));
  connects_.set_limit(limit);
  resets_.set_limit(limit);
}

void ConnectionMetrics::expire(uint64_t now_ns, uint64_t idle_ns) {
  peers_.expire(now_ns, idle_ns);
  connects_.expire(now_ns, idle_ns);
  resets_.expire(now_ns, idle_ns);
}

void ConnectionMetrics::add_families(FamilyList& list, std::vector<FamilyLoad>& loads) const {
  list.add(kOpened, [&](model::MetricFamily& family) {
    peers_.for_each([&](const PeerTable::Series& series) {
      list.add_point(family, series, series.attributes, static_cast<int64_t>(series.values.opened));
    });
  });
  list.add(kActive, [&](model::MetricFamily& family) {
    peers_.for_each([&](const PeerTable::Series& series) {
      list.add_point(family, series, series.attributes, series.values.active);
    });
  });
  add_io(list);
  for (const FamilyName& name : {kOpened, kActive}) {
    loads.push_back({name.name, peers_.size(), peers_.overflowed()});
  }
  loads.push_back({kIo.name, peers_.size() * kPointsPerSeries, peers_.overflowed()});
  add_connects(list, loads);
  add_tcp_families(list, loads);
}

void ConnectionMetrics::add_connects(FamilyList& list, std::vector<FamilyLoad>& loads) const {
  FamilyLoad failed{kFailed.name, 0, 0};
  list.add(kFailed, [&](model::MetricFamily& family) {
    connects_.for_each([&](const ConnectTable::Series& series) {
      const uint64_t count = series.values.failed;
      if (count == 0) return;
      list.add_point(family, series, series.attributes, static_cast<int64_t>(count));
      (series.service != nullptr ? failed.series : failed.overflows) +=
          series.service != nullptr ? 1 : count;
    });
  });
  FamilyLoad measured{kConnect.name, 0, 0};
  list.add(kConnect, [&](model::MetricFamily& family) {
    connects_.for_each([&](const ConnectTable::Series& series) {
      const HistogramRecorder& duration = series.values.duration;
      if (duration.count() == 0) return;
      list.add_point(family, series, without(series.attributes, "network.transport"),
                     duration.snapshot());
      (series.service != nullptr ? measured.series : measured.overflows) +=
          series.service != nullptr ? 1 : duration.count();
    });
  });
  loads.push_back(failed);
  loads.push_back(measured);
}

void ConnectionMetrics::add_tcp_families(FamilyList& list, std::vector<FamilyLoad>& loads) const {
  list.add(kRetransmits, [&](model::MetricFamily& family) {
    peers_.for_each([&](const PeerTable::Series& series) {
      if (!series.values.tcp) return;
      list.add_point(family, series, without(series.attributes, "network.transport"),
                     static_cast<int64_t>(series.values.retransmits));
    });
  });
  list.add(kResets, [&](model::MetricFamily& family) {
    resets_.for_each([&](const ResetTable::Series& series) {
      list.add_point(family, series, without(series.attributes, "network.transport"),
                     static_cast<int64_t>(series.values.count));
    });
  });
  loads.push_back({kResets.name, resets_.size(), resets_.overflowed()});
  list.add(kRtt, [&](model::MetricFamily& family) {
    peers_.for_each([&](const PeerTable::Series& series) {
      if (series.values.rtt.count() == 0) return;
      list.add_point(family, series, without(series.attributes, "network.transport"),
                     series.values.rtt.snapshot());
    });
  });
  for (const FamilyName& name : {kRetransmits, kRtt}) {
    loads.push_back({name.name, peers_.size(), peers_.overflowed()});
  }
}

void ConnectionMetrics::add_io(FamilyList& list) const {
  list.add(kIo, [&](model::MetricFamily& family) {
    peers_.for_each([&](const PeerTable::Series& series) {
      const PeerValues& values = series.values;
      if (series.service == nullptr) {  // an overflow series has one attribute and no other
        list.add_point(family, series, series.attributes,
                       static_cast<int64_t>(values.bytes_sent + values.bytes_received));
        return;
      }
      list.add_point(family, series, with(series.attributes, "network.io.direction", "transmit"),
                     static_cast<int64_t>(values.bytes_sent));
      list.add_point(family, series, with(series.attributes, "network.io.direction", "receive"),
                     static_cast<int64_t>(values.bytes_received));
    });
  });
}

}  // namespace hostlens::aggregators
