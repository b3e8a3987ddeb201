// SPDX-License-Identifier: Apache-2.0
// What the agent answers: /metrics, /healthz, /readyz, /livez and
// /api/v1/{health,host,requests,traces,status,syscalls}, /debug/pprof/profile.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/ledger.h"
#include "base/result.h"
#include "model/metric.h"
#include "web/http_server.h"
#include "web/published.h"
#include "web/recent_spans.h"

namespace hostlens::web {

/// A profile of the next seconds.
struct ProfileQuery {
  uint64_t duration_ns = 0;
  std::string service;   ///< "": of all
  bool off_cpu = false;  ///< else of CPUs
};

/// Renders the snapshot in the format that the Accept header asks for.
using MetricsRenderer = std::function<Response(const model::MetricSnapshot&, std::string_view)>;

struct ApiSettings {
  std::string version;
  uint64_t start_unix_ns = 0;  ///< of the supervisor
  uint64_t worker_restarts = 0;
  std::string attach_report = "{}";  ///< JSON
  MetricsRenderer metrics;           ///< empty: /metrics is switched off
  std::function<uint64_t()> now_ns;  ///< CLOCK_MONOTONIC
  /// JSON, "" when there is none yet; empty: there is no such page.
  std::function<std::string()> health;
  /// JSON; empty: there is no such page.
  std::function<std::string()> host;
  /// Observes all system calls of targets for so long; empty: cannot. Called on the server's
  /// thread.
  std::function<base::Result<void>(uint64_t duration_ns)> watch_system_calls;
  /// Answers later, by pprof; empty: nothing is profiled. Called on the server's thread.
  std::function<Response(const ProfileQuery&)> profile;
};

/// Handler for an HttpServer. All it reads is immutable, atomic or behind a lock held for a copy;
/// the three objects must outlive it.
class Api {
 public:
  Api(ApiSettings settings, const Published& published, const RecentSpans& spans,
      base::Ledger ledger)
      : settings_(std::move(settings)), published_(published), spans_(spans), ledger_(ledger) {}

  [[nodiscard]] Response handle(const Request& request) const;

 private:
  /// A snapshot is due every second; older than this the pipeline stands still.
  static constexpr uint64_t kStaleNs = 10'000'000'000;
  static constexpr size_t kDefaultTraces = 20;
  static constexpr size_t kMostTraces = 1000;
  static constexpr uint64_t kMostWatchMs = 600'000;
  static constexpr uint64_t kDefaultProfileSeconds = 30;
  static constexpr uint64_t kMostProfileSeconds = 300;

  [[nodiscard]] Response metrics(const Request& request) const;
  [[nodiscard]] Response requests(const Request& request) const;
  [[nodiscard]] Response traces(const Request& request) const;
  [[nodiscard]] Response system_calls(const Request& request) const;
  [[nodiscard]] Response watch_system_calls(const Request& request) const;
  [[nodiscard]] Response status(const Request& request) const;
  [[nodiscard]] Response profile(const Request& request) const;
  [[nodiscard]] Response health(const Request& request) const;
  [[nodiscard]] Response host(const Request& request) const;
  [[nodiscard]] Response alive(const Request& request) const;
  [[nodiscard]] Response ready(const Request& request) const;
  [[nodiscard]] Response live(const Request& request) const;

  ApiSettings settings_;
  const Published& published_;
  const RecentSpans& spans_;
  base::Ledger ledger_;
};

}  // namespace hostlens::web
