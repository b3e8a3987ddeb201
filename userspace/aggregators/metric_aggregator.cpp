// SPDX-License-Identifier: Apache-2.0
#include "aggregators/metric_aggregator.h"

#include <algorithm>
#include <utility>

#include "aggregators/agent_metrics.h"

namespace hostlens::aggregators {
namespace {

using ServicePointer = std::shared_ptr<const model::Service>;

/// Discovery always names a process; were one missing, it must cost a name and not the worker.
const ServicePointer& service_of(const std::shared_ptr<const model::Process>& process) {
  static const ServicePointer kNobody = [] {
    auto service = std::make_shared<model::Service>();
    service->name = "unknown_service";
    service->resource = {{"service.name", service->name}};
    return service;
  }();
  return process != nullptr && process->service != nullptr ? process->service : kNobody;
}

}  // namespace

MetricAggregator::MetricAggregator(MetricAggregatorSettings settings)
    : settings_(std::move(settings)),
      worker_start_unix_ns_(base::unix_now_ns()),
      http_(settings_.series_per_family),
      connections_(settings_.series_per_family) {}

void MetricAggregator::request_started(model::Exchange& exchange) noexcept {
  http_.request_started(exchange, service_of(exchange.process));
}

void MetricAggregator::exchange_finished(model::Exchange& exchange) noexcept {
  http_.exchange_finished(exchange, service_of(exchange.process), clock_);
}

void MetricAggregator::exchange_dropped(model::Exchange& exchange) noexcept {
  http_.exchange_dropped(exchange);
}

void MetricAggregator::connection_opened(const processors::ConnectionFacts& facts,
                                         uint64_t connect_latency_ns) noexcept {
  connections_.opened(facts, service_of(facts.process), connect_latency_ns);
}

void MetricAggregator::connection_progress(const processors::ConnectionFacts& facts,
                                           const processors::ConnectionDelta& delta) noexcept {
  connections_.progress(facts, service_of(facts.process), delta);
}

void MetricAggregator::connection_closed(const processors::ConnectionFacts& facts,
                                         model::CloseReason reason) noexcept {
  connections_.closed(facts, service_of(facts.process), reason);
}

void MetricAggregator::connect_failed(const std::shared_ptr<const model::Process>& process,
                                      const model::ConnectFailed& failure) noexcept {
  connections_.connect_failed(service_of(process), failure);
}

void MetricAggregator::set_limits(size_t series_per_family, uint64_t series_idle_ns) {
  settings_.series_per_family = series_per_family;
  settings_.series_idle_ns = series_idle_ns;
  http_.set_limit(series_per_family);
  connections_.set_limit(series_per_family);
}

std::shared_ptr<const model::MetricSnapshot> MetricAggregator::snapshot(uint64_t now_ns,
                                                                        const AgentSample& agent,
                                                                        Families scraped,
                                                                        Families kernel_signals) {
  clock_.refresh();
  http_.expire(now_ns, settings_.series_idle_ns);
  connections_.expire(now_ns, settings_.series_idle_ns);

  auto result = std::make_shared<model::MetricSnapshot>();
  result->unix_ns = clock_.unix_ns(now_ns);
  result->monotonic_ns = now_ns;
  result->agent = settings_.agent;
  result->scraped = std::move(scraped);
  result->kernel_signals = std::move(kernel_signals);
  FamilyList list(*result);
  std::vector<FamilyLoad> loads = agent.loads;
  http_.add_families(list, loads, now_ns,
                     result->unix_ns - std::min(result->unix_ns, settings_.series_idle_ns));
  connections_.add_families(list, loads);
  add_agent_families(list, agent, {settings_.start_unix_ns, worker_start_unix_ns_}, loads);
  return result;
}

}  // namespace hostlens::aggregators
