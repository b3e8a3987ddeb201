// SPDX-License-Identifier: Apache-2.0
// Small snapshots whose rendering can be written down by hand.
#pragma once

#include <memory>
#include <string>

#include "model/metric.h"

namespace hostlens::exporters::prometheus {

inline std::shared_ptr<const model::Service> make_service(std::string name, std::string ns,
                                                          std::string instance,
                                                          model::Attributes others = {}) {
  auto service = std::make_shared<model::Service>();
  service->name = name;
  service->ns = ns;
  service->instance_id = instance;
  service->resource = {{"service.name", name}, {"service.instance.id", instance}};
  if (!ns.empty()) service->resource.push_back({"service.namespace", ns});
  service->resource.insert(service->resource.end(), others.begin(), others.end());
  return service;
}

inline model::MetricFamily make_family(std::string name, std::string unit, model::MetricKind kind) {
  model::MetricFamily family;
  family.name = std::move(name);
  family.unit = std::move(unit);
  family.kind = kind;
  family.description = "What it says.";
  return family;
}

/// Four requests: one of 0 s, two in (0.25, 0.5] s, one in (8, 16] s, with an exemplar at 0.3 s.
inline model::MetricSnapshot sample_snapshot() {
  model::MetricSnapshot snapshot;
  snapshot.unix_ns = 1'700'000'100'000'000'000;
  snapshot.agent = make_service("hostlens", "", "agent-1", {{"host.name", "h1"}});
  const auto shop = make_service(
      "shop", "store", "i-1",
      {{"host.name", "h1"}, {"container.command_args", std::vector<std::string>{"a", "b"}}});

  auto duration = make_family("http.server.request.duration", "s", model::MetricKind::kHistogram);
  model::MetricPoint requests;
  requests.service = shop;
  requests.attributes = {{"http.request.method", "GET"},
                         {"http.response.status_code", int64_t{200}},
                         {"http.route", "/users/{id}"}};
  requests.start_unix_ns = 1'700'000'000'000'000'000;
  model::ExponentialHistogram histogram;
  histogram.scale = 0;
  histogram.offset = -2;
  histogram.zero_count = 1;
  histogram.counts = {2, 0, 0, 0, 0, 1};
  histogram.count = 4;
  histogram.sum = 10.6;
  requests.value = histogram;
  model::Exemplar exemplar;
  exemplar.value = 0.3;
  exemplar.unix_ns = 1'700'000'050'000'000'007;
  exemplar.trace_id = {0x0a, 0x0b};
  exemplar.span_id = {0xc0};
  requests.exemplars = {exemplar};
  duration.points = {requests};

  auto active =
      make_family("http.server.active_requests", "{request}", model::MetricKind::kUpDownCounter);
  model::MetricPoint now;
  now.service = shop;
  now.value = int64_t{3};
  active.points = {now};

  auto records = make_family("hostlens.records", "{record}", model::MetricKind::kCounter);
  records.description = "Records by \"stage\"\\\nand outcome.";
  model::MetricPoint received;
  received.attributes = {{"outcome", "received"}, {"stage", "kernel"}, {"reason", ""}};
  received.value = int64_t{9'007'199'254'740'993};
  received.exemplars = {exemplar};
  records.points = {received};

  auto held = make_family("hostlens.records.held", "{record}", model::MetricKind::kGauge);
  model::MetricPoint kept;
  kept.attributes = {{"stage", "ke\"rn\\el\n"}};
  kept.value = 0.1;
  held.points = {kept};

  snapshot.families = {duration, active, records, held};
  return snapshot;
}

}  // namespace hostlens::exporters::prometheus
