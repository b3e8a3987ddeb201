// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/shard.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "agent/builtin_protocols.h"
#include "decoders/socket_decoder.h"

namespace hostlens::agent {
namespace {

using base::DropReason;
using base::Stage;
using decoders::DecodeStatus;

uint64_t time_of(const model::ControlEvent& event) {
  return std::visit([](const auto& any) { return any.time_ns; }, event);
}

bool is_end(const model::ControlEvent& event) {
  return std::holds_alternative<model::SocketClosed>(event) ||
         std::holds_alternative<model::ProcessExit>(event);
}

processors::ConnectionTrackerSettings tracker_settings(const Configuration& configuration) {
  processors::ConnectionTrackerSettings settings;
  settings.protocols = builtin_protocols();
  settings.parser.target_bytes = static_cast<uint32_t>(configuration.limits.target_bytes);
  settings.parser.outstanding = static_cast<uint32_t>(configuration.limits.outstanding_requests);
  settings.parser.exchange_timeout_ns = configuration.limits.exchange_timeout_ns;
  settings.query.mode = configuration.redact_query_values ? processors::QueryMode::kRedact
                                                          : processors::QueryMode::kDrop;
  settings.query.allow = configuration.query_keys_kept;
  settings.max_connections = configuration.limits.connections;
  return settings;
}

base::Result<processors::RouteTemplater> make_routes(const Configuration& configuration) {
  processors::RouteSettings settings;
  settings.patterns = configuration.route_patterns;
  settings.routes_per_service = configuration.limits.routes_per_service;
  return processors::RouteTemplater::create(std::move(settings));
}

}  // namespace

base::Result<std::unique_ptr<Shard>> Shard::create(const Configuration& configuration,
                                                   ShardParts parts, base::Ledger ledger,
                                                   ShardSinks sinks) {
  auto routes = make_routes(configuration);
  if (!routes) return std::move(routes).error();
  return std::unique_ptr<Shard>(
      new Shard(configuration, *std::move(routes), std::move(parts), ledger, sinks));
}

Shard::Shard(const Configuration& configuration, processors::RouteTemplater routes,
             ShardParts parts, base::Ledger ledger, ShardSinks sinks)
    : parts_(std::move(parts)),
      ledger_(ledger),
      correlator_({}, ledger, sinks.exchanges),
      tracker_(tracker_settings(configuration), std::move(routes), ledger, *parts_.processes, pool_,
               correlator_, sinks.connections),
      skip_first_(ledger.page().record_in_progress.exchange(0) != 0) {}

base::Result<void> Shard::reload(const Configuration& configuration) {
  auto routes = make_routes(configuration);
  if (!routes) return std::move(routes).error();
  if (auto set = parts_.processes->set_service_names(configuration.service_name); !set) return set;
  tracker_.reconfigure(tracker_settings(configuration), *std::move(routes));
  return {};
}

size_t Shard::read_control() noexcept {
  const size_t before = ends_.size();
  const size_t count = parts_.control->consume([this](base::Bytes bytes) {
    model::ControlEvent event;
    if (decoders::decode_control(bytes, event) != DecodeStatus::kOk) {
      ++control_malformed_;
    } else if (!is_end(event)) {
      apply_begin(event);
    } else {
      if (ends_.size() >= kMostWaiting) apply_first_end();
      ends_.push_back(std::move(event));
    }
  });
  records_ += count;
  // Each CPU writes in order of time; between CPUs the ring's order can be off by a little.
  if (ends_.size() > before) {
    std::stable_sort(ends_.begin(), ends_.end(), [](const auto& left, const auto& right) {
      return time_of(left) < time_of(right);
    });
  }
  return count;
}

void Shard::apply_begin(const model::ControlEvent& event) noexcept {
  // Discovery first: who executes or forks is described before its sockets are.
  if (const auto* exec = std::get_if<model::ProcessExec>(&event)) {
    parts_.processes->on_exec(*exec);
    if (parts_.targets) parts_.targets->on_exec(*exec);
  } else if (const auto* fork = std::get_if<model::ProcessFork>(&event)) {
    parts_.processes->on_fork(*fork);
    if (parts_.targets) parts_.targets->on_fork(*fork);
  }
  tracker_.on_control(event);
}

void Shard::apply_first_end() noexcept {
  const model::ControlEvent event = std::move(ends_.front());
  ends_.pop_front();
  tracker_.on_control(event);
  if (const auto* exit = std::get_if<model::ProcessExit>(&event)) {
    parts_.processes->on_exit(*exit);
    if (parts_.targets) parts_.targets->on_exit(*exit);
  }
}

void Shard::apply_ends_until(uint64_t time_ns) noexcept {
  while (!ends_.empty() && time_of(ends_.front()) <= time_ns) apply_first_end();
}

void Shard::on_data_bytes(base::Bytes bytes) noexcept {
  // A mark that is still up was left by our predecessor: this record was its last one, and counted.
  if (std::exchange(skip_first_, false)) return;
  // Read after `consume` has fixed the end of this round: what is taken never exceeds what was
  // produced.
  if (std::exchange(books_are_old_, false)) refresh_kernel_books();
  ledger_.page().record_in_progress.store(1, std::memory_order_relaxed);
  ++records_;
  ledger_.forwarded(Stage::kKernel);
  ledger_.received(Stage::kDecode);
  model::SocketData data;
  if (decoders::decode_data(bytes, data) != DecodeStatus::kOk) {
    ledger_.dropped(Stage::kDecode, DropReason::kMalformed);
  } else {
    ledger_.forwarded(Stage::kDecode);
    if (tracker_.on_data(data) == processors::ConnectionTracker::DataOutcome::kUnknownConnection) {
      read_control();  // its opening was written after our last look
      if (tracker_.on_data(data) != processors::ConnectionTracker::DataOutcome::kOk) {
        tracker_.on_orphan_data(data);
      }
    }
  }
  ledger_.page().record_in_progress.store(0, std::memory_order_relaxed);
}

size_t Shard::drain() noexcept {
  const uint64_t before = records_;
  read_control();
  const uint64_t newest_end_ns = ends_.empty() ? 0 : time_of(ends_.back());
  books_are_old_ = true;
  parts_.data->consume([this](base::Bytes bytes) { on_data_bytes(bytes); });
  // An end must not overtake the last bytes of what it ends. Those were written before it, but
  // reading stops at a record that another CPU is still writing: one more round makes it certain.
  apply_ends_until(horizon_ns_);
  horizon_ns_ = newest_end_ns;
  return records_ - before;
}

void Shard::tick(uint64_t now_ns) noexcept {
  tracker_.tick(now_ns);
  correlator_.tick(now_ns);
  parts_.processes->tick(now_ns);
  if (parts_.targets) parts_.targets->tick(now_ns);
}

void Shard::describe_targets() noexcept {
  if (parts_.targets == nullptr) return parts_.processes->describe_targets(kMostDescribed);
  size_t left = kMostDescribed;
  for (const auto& [pid, start_ticks] : parts_.targets->targets()) {
    if (parts_.processes->is_known(pid)) continue;
    parts_.processes->resolve(pid);
    if (--left == 0) return;
  }
}

void Shard::refresh_kernel_books() noexcept {
  if (!parts_.counters) return;
  const auto counters = parts_.counters->read();
  if (!counters) return;
  counted_ = *counters;
  ledger_.set_received(Stage::kKernel, counted_.wanted);
  ledger_.set_dropped(Stage::kKernel, DropReason::kRingFull, counted_.ring_full);
  ledger_.set_dropped(Stage::kKernel, DropReason::kCopyFailed, counted_.copy_failed);
  ledger_.set_dropped(Stage::kKernel, DropReason::kStorageFailed, counted_.storage_failed);
}

void Shard::stop() noexcept {
  apply_ends_until(UINT64_MAX);
  tracker_.stop();
  correlator_.flush();
}

}  // namespace hostlens::agent
