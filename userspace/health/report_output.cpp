// SPDX-License-Identifier: Apache-2.0
#include "health/report_output.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "aggregators/attribute_set.h"
#include "aggregators/family_list.h"

namespace hostlens::health {
namespace {

using nlohmann::json;

struct StateSeries {
  std::shared_ptr<const model::Service> service;
  uint64_t start_unix_ns = 0;
};

std::string rfc3339(uint64_t unix_ns) {
  const auto seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     unix_ns / 1'000'000 % 1000);
}

json number(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return *value;
}

}  // namespace

void add_health_family(const HealthReport& report, model::MetricSnapshot& snapshot) {
  aggregators::FamilyList list(snapshot);
  list.add({"hostlens.health.state", "0: ok, 1: degraded, 2: failing, -1: unknown.", "",
            model::MetricKind::kGauge},
           [&](model::MetricFamily& family) {
             for (const Signal& signal : report.signals) {
               list.add_point(family, StateSeries{signal.service, signal.since_unix_ns},
                              aggregators::with({}, "signal", signal.name),
                              number_of(signal.state));
             }
           });
}

std::string to_json(const HealthReport& report) {
  json signals = json::array();
  for (const Signal& signal : report.signals) {
    signals.push_back({{"signal", signal.name},
                       {"service", signal.service != nullptr ? signal.service->name : ""},
                       {"state", to_string(signal.state)},
                       {"since", rfc3339(signal.since_unix_ns)},
                       {"evidence",
                        {{"value", number(signal.evidence.value)},
                         {"threshold", number(signal.evidence.threshold)},
                         {"text", signal.evidence.text}}}});
  }
  json unavailable = json::array();
  for (const Unavailable& missing : report.unavailable) {
    unavailable.push_back({{"signal", missing.signal}, {"reason", missing.reason}});
  }
  const json document = {{"signals", std::move(signals)}, {"unavailable", std::move(unavailable)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace hostlens::health
