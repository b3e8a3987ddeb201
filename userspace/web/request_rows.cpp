// SPDX-License-Identifier: Apache-2.0
#include "web/request_rows.h"

#include <nlohmann/json.hpp>

namespace hostlens::web {
namespace {

using nlohmann::json;

constexpr size_t kMostRows = 1'000'000;
constexpr size_t kMostBuckets = 4096;

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

json histogram_json(const model::ExponentialHistogram& h) {
  return {{"scale", h.scale},   {"offset", h.offset}, {"zero_count", h.zero_count},
          {"counts", h.counts}, {"count", h.count},   {"sum", h.sum},
          {"min", h.min},       {"max", h.max}};
}

model::ExponentialHistogram histogram_from(const json& value) {
  model::ExponentialHistogram h;
  value.at("scale").get_to(h.scale);
  value.at("offset").get_to(h.offset);
  value.at("zero_count").get_to(h.zero_count);
  value.at("counts").get_to(h.counts);
  value.at("count").get_to(h.count);
  value.at("sum").get_to(h.sum);
  value.at("min").get_to(h.min);
  value.at("max").get_to(h.max);
  return h;
}

RequestRow row_from(const json& value) {
  RequestRow row;
  value.at("service").get_to(row.service);
  value.at("namespace").get_to(row.ns);
  value.at("side").get_to(row.side);
  value.at("method").get_to(row.method);
  value.at("route").get_to(row.route);
  value.at("status").get_to(row.status);
  value.at("error_type").get_to(row.error_type);
  value.at("start_unix_ns").get_to(row.start_unix_ns);
  value.at("overflow").get_to(row.overflow);
  row.duration = histogram_from(value.at("duration"));
  return row;
}

}  // namespace

RequestRows request_rows(const model::MetricSnapshot& snapshot) {
  RequestRows out;
  out.unix_ns = snapshot.unix_ns;
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
  const json document = {{"unix_ns", rows.unix_ns}, {"requests", std::move(list)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

base::Result<RequestRows> request_rows_from_json(std::string_view text) {
  try {
    const json document = json::parse(text);
    RequestRows rows;
    document.at("unix_ns").get_to(rows.unix_ns);
    const json& list = document.at("requests");
    if (!list.is_array() || list.size() > kMostRows) return base::invalid_error("too many rows");
    for (const json& entry : list) {
      rows.rows.push_back(row_from(entry));
      const model::ExponentialHistogram& h = rows.rows.back().duration;
      if (h.counts.size() > kMostBuckets || h.scale < -10 || h.scale > 20) {
        return base::invalid_error("a histogram is out of range");
      }
    }
    return rows;
  } catch (const json::exception&) {
    return base::invalid_error("not an answer of a hostlens agent");
  }
}

}  // namespace hostlens::web
