// SPDX-License-Identifier: Apache-2.0
#include "web/request_rows.h"

#include <nlohmann/json.hpp>

#include "web/histogram_json.h"
#include "web/json_fields.h"

namespace hostlens::web {
namespace {

using nlohmann::json;

constexpr size_t kMostRows = 1'000'000;

void take_attribute(const model::Attribute& attribute, RequestRow& row) {
  const auto text = [&](std::string& out) {
    if (const auto* value = std::get_if<std::string>(&attribute.value)) out = *value;
  };
  if (attribute.key == "http.request.method") text(row.method);
  if (attribute.key == "http.route") text(row.route);
  if (attribute.key == "error.type") text(row.error_type);
  if (attribute.key == "http.response.status_code") {
    if (const auto* status = std::get_if<int64_t>(&attribute.value)) row.status = *status;
  }
  if (attribute.key == "otel.metric.overflow") row.overflow = true;
}

void add_family(const model::MetricFamily& family, std::string_view side, RequestRows& out) {
  for (const model::MetricPoint& point : family.points) {
    const auto* histogram = std::get_if<model::ExponentialHistogram>(&point.value);
    if (histogram == nullptr) continue;
    RequestRow row;
    if (point.service) {
      row.service = point.service->name;
      row.ns = point.service->ns;
    }
    row.side = side;
    for (const model::Attribute& attribute : point.attributes) take_attribute(attribute, row);
    row.duration = *histogram;
    row.start_unix_ns = point.start_unix_ns;
    out.rows.push_back(std::move(row));
  }
}

RequestRow row_from(const json& value) {
  RequestRow row;
  value.at("service").get_to(row.service);
  value.at("namespace").get_to(row.ns);
  value.at("side").get_to(row.side);
  value.at("method").get_to(row.method);
  value.at("route").get_to(row.route);
  row.status = integer_of(value.at("status"));
  value.at("error_type").get_to(row.error_type);
  row.start_unix_ns = unsigned_of(value.at("start_unix_ns"));
  value.at("overflow").get_to(row.overflow);
  return row;
}

}  // namespace

RequestRows request_rows(const model::MetricSnapshot& snapshot) {
  RequestRows out;
  out.unix_ns = snapshot.unix_ns;
  out.monotonic_ns = snapshot.monotonic_ns;
  for (const model::MetricFamily& family : snapshot.families) {
    if (family.name == "http.server.request.duration") add_family(family, "server", out);
    if (family.name == "http.client.request.duration") add_family(family, "client", out);
  }
  return out;
}

std::string to_json(const RequestRows& rows) {
  json list = json::array();
  for (const RequestRow& row : rows.rows) {
    list.push_back({{"service", row.service},
                    {"namespace", row.ns},
                    {"side", row.side},
                    {"method", row.method},
                    {"route", row.route},
                    {"status", row.status},
                    {"error_type", row.error_type},
                    {"overflow", row.overflow},
                    {"start_unix_ns", row.start_unix_ns},
                    {"duration", histogram_json(row.duration)}});
  }
  const json document = {{"unix_ns", rows.unix_ns},
                         {"monotonic_ns", rows.monotonic_ns},
                         {"requests", std::move(list)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

base::Result<RequestRows> request_rows_from_json(std::string_view text) {
  try {
    const json document = json::parse(text);
    RequestRows rows;
    rows.unix_ns = unsigned_of(document.at("unix_ns"));
    rows.monotonic_ns = unsigned_of(document.at("monotonic_ns"));
    const json& list = document.at("requests");
    if (!list.is_array() || list.size() > kMostRows) return base::invalid_error("too many rows");
    for (const json& entry : list) {
      rows.rows.push_back(row_from(entry));
      if (!read_histogram(entry.at("duration"), rows.rows.back().duration)) {
        return base::invalid_error("a histogram is out of range");
      }
    }
    return rows;
  } catch (const json::exception&) {
    return base::invalid_error("not an answer of a hostlens agent");
  }
}

}  // namespace hostlens::web
