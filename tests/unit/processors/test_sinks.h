// SPDX-License-Identifier: Apache-2.0
// Sinks that keep what they are given, and a resolver that knows every process.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "discovery/process_resolver.h"
#include "processors/sinks.h"

namespace hostlens::processors {

/// An exchange that belongs to no pool.
inline model::ExchangePtr own(model::Exchange exchange) {
  return model::ExchangePtr(new model::Exchange(std::move(exchange)));
}

class RecordingExchanges final : public ExchangeSink {
 public:
  void request_started(model::Exchange& exchange) noexcept override {
    started.push_back(exchange.id);
  }
  void exchange_finished(model::ExchangePtr exchange) noexcept override {
    finished.push_back(*exchange);
  }
  void exchange_dropped(model::Exchange& exchange) noexcept override {
    dropped.push_back(exchange.id);
  }

  std::vector<uint64_t> started;
  std::vector<model::Exchange> finished;
  std::vector<uint64_t> dropped;
};

class RecordingConnections final : public ConnectionSink {
 public:
  void connection_opened(const ConnectionFacts& facts,
                         uint64_t connect_latency_ns) noexcept override {
    opened.push_back(facts.connection);
    latency_ns = connect_latency_ns;
  }
  void connection_progress(const ConnectionFacts&, const ConnectionDelta& delta) noexcept override {
    progress.push_back(delta);
  }
  void connection_closed(const ConnectionFacts& facts, model::CloseReason) noexcept override {
    closed.push_back(facts.connection);
  }
  void connect_failed(const std::shared_ptr<const model::Process>& process,
                      const model::ConnectFailed&) noexcept override {
    failed.push_back(process->key.pid);
  }

  std::vector<model::ConnectionId> opened;
  std::vector<ConnectionDelta> progress;
  std::vector<model::ConnectionId> closed;
  std::vector<uint32_t> failed;
  uint64_t latency_ns = 0;
};

class EveryProcess final : public discovery::ProcessResolver {
 public:
  std::shared_ptr<const model::Process> resolve(uint32_t pid) override {
    std::shared_ptr<const model::Process>& known = processes_[pid];
    if (known == nullptr) {
      auto service = std::make_shared<model::Service>();
      service->name = "service-" + std::to_string(pid);
      auto process = std::make_shared<model::Process>();
      process->key.pid = pid;
      process->service = service;
      known = process;
    }
    return known;
  }

 private:
  std::map<uint32_t, std::shared_ptr<const model::Process>> processes_;
};

}  // namespace hostlens::processors
