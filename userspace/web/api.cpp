// SPDX-License-Identifier: Apache-2.0
#include "web/api.h"

#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "web/request_rows.h"
#include "web/span_json.h"
#include "web/system_call_rows.h"

namespace hostlens::web {
namespace {

using nlohmann::json;

Response json_response(std::string body) {
  return Response{200, "application/json", std::move(body)};
}

Response status_response(int status, std::string_view text) {
  Response response = json_response(json({{"status", text}}).dump() + "\n");
  response.status = status;
  return response;
}

json books_json(const base::Ledger& ledger) {
  json stages = json::object();
  for (size_t i = 0; i < base::LedgerPage::kStages; ++i) {
    const auto stage = static_cast<base::Stage>(i);
    json dropped = json::object();
    for (size_t j = 0; j < base::LedgerPage::kReasons; ++j) {
      const auto reason = static_cast<base::DropReason>(j);
      const uint64_t count = ledger.dropped_total(stage, reason);
      if (count != 0) dropped[std::string(base::to_string(reason))] = count;
    }
    // Outcomes first, as Ledger::held does: a race shows too much held, never a negative.
    const int64_t held = ledger.held(stage);
    stages[std::string(base::to_string(stage))] = {{"received", ledger.received_total(stage)},
                                                   {"forwarded", ledger.forwarded_total(stage)},
                                                   {"dropped", std::move(dropped)},
                                                   {"held", held}};
  }
  return stages;
}

}  // namespace

Response Api::handle(const Request& request) const {
  struct Route {
    std::string_view path;
    Response (Api::*handler)(const Request&) const;
  };
  static constexpr std::array<Route, 12> kRoutes = {{
      {"/metrics", &Api::metrics},
      {"/healthz", &Api::alive},
      {"/readyz", &Api::ready},
      {"/livez", &Api::live},
      {"/api/v1/health", &Api::health},
      {"/api/v1/host", &Api::host},
      {"/api/v1/requests", &Api::requests},
      {"/api/v1/traces", &Api::traces},
      {"/api/v1/syscalls", &Api::system_calls},
      {"/api/v1/syscalls/watch", &Api::watch_system_calls},
      {"/api/v1/status", &Api::status},
      {"/debug/pprof/profile", &Api::profile},
  }};
  for (const Route& route : kRoutes) {
    if (route.path == request.path) return (this->*route.handler)(request);
  }
  return error_response(404, "no such page");
}

Response Api::metrics(const Request& request) const {
  if (!settings_.metrics) return error_response(404, "exporters.prometheus is switched off");
  const auto snapshot = published_.snapshot();
  if (!snapshot) return error_response(503, "starting");
  return settings_.metrics(*snapshot, request.accept);
}

Response Api::requests(const Request&) const {
  const auto snapshot = published_.snapshot();
  if (!snapshot) return error_response(503, "starting");
  return json_response(to_json(request_rows(*snapshot)));
}

Response Api::traces(const Request& request) const {
  size_t limit = kDefaultTraces;
  if (const char* text = request.parameter("limit")) {
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, limit);
    if (error != std::errc{} || stop != end || limit < 1 || limit > kMostTraces) {
      return error_response(400, "limit: a number from 1 to 1000");
    }
  }
  return json_response(to_json(spans_.traces(limit)));
}

Response Api::system_calls(const Request& request) const {
  const auto snapshot = published_.snapshot();
  if (!snapshot) return error_response(503, "starting");
  const char* service = request.parameter("service");
  return json_response(to_json(system_call_rows(*snapshot, service != nullptr ? service : "")));
}

Response Api::watch_system_calls(const Request& request) const {
  uint64_t for_ms = 0;
  const char* text = request.parameter("for_ms");
  const char* end = text != nullptr ? text + std::strlen(text) : text;
  const bool given = text != nullptr && std::from_chars(text, end, for_ms).ptr == end;
  if (!given || for_ms < 1 || for_ms > kMostWatchMs) {
    return error_response(400, "for_ms: a number from 1 to 600000");
  }
  if (!settings_.watch_system_calls) return error_response(501, "system calls cannot be observed");
  const auto begun = settings_.watch_system_calls(for_ms * 1'000'000);
  if (!begun) return error_response(501, begun.error().text());
  return json_response("{}\n");
}

Response Api::profile(const Request& request) const {
  ProfileQuery query;
  uint64_t seconds = kDefaultProfileSeconds;
  if (const char* text = request.parameter("seconds")) {
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, seconds);
    if (error != std::errc{} || stop != end || seconds < 1 || seconds > kMostProfileSeconds) {
      return error_response(400, "seconds: a number from 1 to 300");
    }
  }
  query.duration_ns = seconds * 1'000'000'000;
  if (const char* text = request.parameter("type")) {
    const std::string_view type = text;
    if (type != "cpu" && type != "off_cpu") return error_response(400, "type: cpu or off_cpu");
    query.off_cpu = type == "off_cpu";
  }
  if (const char* text = request.parameter("service")) query.service = text;
  if (!settings_.profile)
    return error_response(404, "nothing is profiled: see `profile` in the configuration");
  return settings_.profile(query);
}

Response Api::status(const Request&) const {
  const uint64_t now = base::unix_now_ns();
  const uint64_t uptime = now > settings_.start_unix_ns ? now - settings_.start_unix_ns : 0;
  json report = json::parse(settings_.attach_report, nullptr, false);
  const json document = {{"version", settings_.version},
                         {"start_unix_ns", settings_.start_unix_ns},
                         {"uptime_seconds", static_cast<double>(uptime) / 1e9},
                         {"worker_restarts", settings_.worker_restarts},
                         {"probes", report.is_discarded() ? json::object() : std::move(report)},
                         {"records", books_json(ledger_)}};
  return json_response(document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

Response Api::health(const Request&) const {
  if (!settings_.health) return error_response(404, "health is not judged here");
  std::string report = settings_.health();
  if (report.empty()) return error_response(503, "starting");
  return json_response(std::move(report));
}

Response Api::host(const Request&) const {
  if (!settings_.host) return error_response(404, "the host is not told here");
  return json_response(settings_.host());
}

/// That it answers is the answer.
Response Api::alive(const Request&) const { return status_response(200, "ok"); }

Response Api::live(const Request&) const {
  const uint64_t published_ns = published_.published_ns();
  if (published_ns != 0 && settings_.now_ns() - published_ns >= kStaleNs) {
    return status_response(503, "the pipeline stands still");
  }
  return status_response(200, "ok");
}

/// The worker is started when the probes are attached: the first snapshot is what is left.
Response Api::ready(const Request& request) const {
  if (published_.published_ns() == 0) return status_response(503, "starting");
  return live(request);
}

}  // namespace hostlens::web
