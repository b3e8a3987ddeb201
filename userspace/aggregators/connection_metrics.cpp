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
                                "TCP connections that ended with a reset, sent or received.",
                                "{connection}", MetricKind::kCounter};
constexpr FamilyName kRtt = {
    "hostlens.tcp.rtt",
    "Smoothed round-trip time of connections, one value per second in which one was used.", "s",
    MetricKind::kHistogram};

/// Two points of every series are in hostlens.connection.io and hostlens.tcp.resets.
constexpr size_t kPointsPerSeries = 2;

size_t peers_limit(size_t limit) { return limit / kPointsPerSeries; }

}  // namespace

ConnectionMetrics::ConnectionMetrics(size_t limit) : peers_(peers_limit(limit)), connects_(limit) {}

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
  if (reason == model::CloseReason::kResetByUs) ++series.values.resets_sent;
  if (reason == model::CloseReason::kResetByPeer) ++series.values.resets_received;
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
}

void ConnectionMetrics::expire(uint64_t now_ns, uint64_t idle_ns) {
  peers_.expire(now_ns, idle_ns);
  connects_.expire(now_ns, idle_ns);
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
  add_two_way(list, kIo, "network.io.direction", {"transmit", "receive"},
              {&PeerValues::bytes_sent, &PeerValues::bytes_received}, false);
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
  add_two_way(list, kResets, "side", {"sent", "received"},
              {&PeerValues::resets_sent, &PeerValues::resets_received}, true);
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

void ConnectionMetrics::add_two_way(FamilyList& list, const FamilyName& name, std::string_view key,
                                    std::array<std::string_view, 2> ways,
                                    std::array<uint64_t PeerValues::*, 2> counts,
                                    bool tcp_only) const {
  list.add(name, [&](model::MetricFamily& family) {
    peers_.for_each([&](const PeerTable::Series& series) {
      const PeerValues& values = series.values;
      if (tcp_only && !values.tcp) return;
      if (series.service == nullptr) {  // an overflow series has one attribute and no other
        list.add_point(family, series, series.attributes,
                       static_cast<int64_t>(values.*counts[0] + values.*counts[1]));
        return;
      }
      const model::Attributes base =
          tcp_only ? without(series.attributes, "network.transport") : series.attributes;
      for (size_t way = 0; way < ways.size(); ++way) {
        list.add_point(family, series, with(base, key, ways[way]),
                       static_cast<int64_t>(values.*counts[way]));
      }
    });
  });
}

}  // namespace hostlens::aggregators
