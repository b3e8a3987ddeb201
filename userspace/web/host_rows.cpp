// SPDX-License-Identifier: Apache-2.0
#include "web/host_rows.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/kernel_signal.h"
#include "web/histogram_json.h"
#include "web/json_fields.h"

namespace hostlens::web {
namespace {

using nlohmann::json;
using Kind = HostRow::Kind;

constexpr size_t kMostRows = 100'000;
constexpr size_t kMostAttributes = 16;
constexpr std::array<std::string_view, 3> kKinds = {"level", "rate", "distribution"};

json times_json(const HostReadingTimes& times) {
  return {{"seconds", times.seconds}, {"age_seconds", times.age_seconds}};
}

/// Numbers that are none (1e999) are no answer either.
bool read_number(const json& value, double& out) {
  value.get_to(out);
  return std::isfinite(out);
}

bool read_times(const json& value, HostReadingTimes& times) {
  return read_number(value.at("seconds"), times.seconds) &&
         read_number(value.at("age_seconds"), times.age_seconds) && times.seconds >= 0;
}

bool read_row(const json& value, HostRow& row) {
  const auto& kind = value.at("kind").get_ref<const std::string&>();
  size_t index = 0;
  while (index < kKinds.size() && kKinds[index] != kind) ++index;
  if (index == kKinds.size()) return false;
  row.kind = static_cast<Kind>(index);
  value.at("name").get_to(row.name);
  value.at("service").get_to(row.service);
  const json& attributes = value.at("attributes");
  if (!attributes.is_object() || attributes.size() > kMostAttributes) return false;
  for (const auto& [key, text] : attributes.items()) {
    row.attributes.emplace(key, text.get_ref<const std::string&>());
  }
  if (row.kind != Kind::kDistribution) return read_number(value.at("value"), row.value);
  if (!read_histogram(value.at("distribution"), row.distribution)) return false;
  row.distribution.has_range = false;
  row.distribution.zero_threshold = std::exp2(model::SignalDistribution::kTimeExponent);
  return std::isfinite(row.distribution.sum);
}

}  // namespace

std::string to_json(const HostRows& rows) {
  json list = json::array();
  for (const HostRow& row : rows.rows) {
    json entry = {{"name", row.name},
                  {"kind", kKinds[static_cast<size_t>(row.kind)]},
                  {"service", row.service},
                  {"attributes", json(row.attributes)}};
    if (row.kind == Kind::kDistribution) {
      entry["distribution"] = histogram_json(row.distribution);
    } else {
      entry["value"] = row.value;
    }
    list.push_back(std::move(entry));
  }
  json unavailable = json::array();
  for (const HostRows::Missing& missing : rows.unavailable) {
    unavailable.push_back(
        {{"signal", missing.signal}, {"reason", missing.reason}, {"remedy", missing.remedy}});
  }
  const json document = {{"files", times_json(rows.files)},
                         {"kernel", times_json(rows.kernel)},
                         {"rows", std::move(list)},
                         {"unavailable", std::move(unavailable)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

base::Result<HostRows> host_rows_from_json(std::string_view text) {
  try {
    const json document = json::parse(text);
    HostRows rows;
    if (!read_times(document.at("files"), rows.files) ||
        !read_times(document.at("kernel"), rows.kernel)) {
      return base::invalid_error("the time of a reading is out of range");
    }
    const json& list = document.at("rows");
    const json& unavailable = document.at("unavailable");
    if (!list.is_array() || list.size() > kMostRows || !unavailable.is_array() ||
        unavailable.size() > kMostRows) {
      return base::invalid_error("too many rows");
    }
    for (const json& entry : list) {
      if (!read_row(entry, rows.rows.emplace_back())) {
        return base::invalid_error("a row is out of range");
      }
    }
    for (const json& entry : unavailable) {
      HostRows::Missing& missing = rows.unavailable.emplace_back();
      entry.at("signal").get_to(missing.signal);
      entry.at("reason").get_to(missing.reason);
      entry.at("remedy").get_to(missing.remedy);
    }
    return rows;
  } catch (const json::exception&) {
    return base::invalid_error("not an answer of a hostlens agent");
  }
}

}  // namespace hostlens::web
