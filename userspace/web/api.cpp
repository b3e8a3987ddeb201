// SPDX-License-Identifier: Apache-2.0
#include "web/api.h"

#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "web/request_rows.h"
#include "web/span_json.h"

namespace hostlens::web {
namespace {

using nlohmann::json;

Response json_response(std::string body) {
  return Response{200, "application/json", std::move(body)};
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
  static constexpr std::array<Route, 7> kRoutes = {{{"/metrics", &Api::metrics},
                                                    {"/healthz", &Api::health},
                                                    {"/readyz", &Api::health},
                                                    {"/livez", &Api::health},
                                                    {"/api/v1/requests", &Api::requests},
                                                    {"/api/v1/traces", &Api::traces},
                                                    {"/api/v1/status", &Api::status}}};
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

Response Api::health(const Request& request) const {
  const uint64_t published_ns = published_.published_ns();
  const bool ready = published_ns != 0;
  const bool live = !ready || settings_.now_ns() - published_ns < kStaleNs;
  const bool good = live && (ready || request.path == "/livez");
  Response response = json_response(good   ? "{\"status\":\"ok\"}\n"
                                    : live ? "{\"status\":\"starting\"}\n"
                                           : "{\"status\":\"the pipeline stands still\"}\n");
  if (!good) response.status = 503;
  return response;
}

}  // namespace hostlens::web
