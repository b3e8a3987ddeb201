// SPDX-License-Identifier: Apache-2.0
#include "web/system_call_rows.h"

#include <nlohmann/json.hpp>

#include "web/histogram_json.h"
#include "web/json_fields.h"

namespace hostlens::web {
namespace {

using nlohmann::json;

constexpr size_t kMostRows = 1'000'000;

std::string text_of(const model::Attributes& attributes, std::string_view key) {
  for (const model::Attribute& attribute : attributes) {
    if (attribute.key != key) continue;
    if (const auto* text = std::get_if<std::string>(&attribute.value)) return *text;
  }
  return {};
}

void add_rows(const model::MetricFamily& family, std::string_view service, SystemCallRows& out) {
  for (const model::MetricPoint& point : family.points) {
    const auto* histogram = std::get_if<model::ExponentialHistogram>(&point.value);
    const std::string name = point.service ? point.service->name : std::string();
    if (histogram == nullptr || (!service.empty() && name != service)) continue;
    out.rows.push_back({name, text_of(point.attributes, "syscall"),
                        text_of(point.attributes, "error.type"), *histogram});
  }
}

}  // namespace

SystemCallRows system_call_rows(const model::MetricSnapshot& snapshot, std::string_view service) {
  SystemCallRows out;
  const auto add = [&](const model::MetricFamily& family) {
    if (family.name == "hostlens.syscall.watched.duration") return add_rows(family, service, out);
    for (const model::MetricPoint& point : family.points) {
      if (family.name == "hostlens.syscall.burst.time" &&
          text_of(point.attributes, "mode") == "watched") {
        if (const auto* value = std::get_if<double>(&point.value)) out.watched_seconds = *value;
      } else if (family.name == "hostlens.syscall.burst.cost") {
        if (const auto* value = std::get_if<double>(&point.value)) out.cost_seconds = *value;
      } else if (family.name == "hostlens.syscall.burst.runs") {
        if (const auto* value = std::get_if<int64_t>(&point.value)) {
          out.runs = static_cast<uint64_t>(*value);
        }
      }
    }
  };
  model::for_each_family(snapshot, add);
  return out;
}

std::string to_json(const SystemCallRows& rows) {
  json list = json::array();
  for (const SystemCallRow& row : rows.rows) {
    list.push_back({{"service", row.service},
                    {"syscall", row.system_call},
                    {"error", row.error},
                    {"duration", histogram_json(row.duration)}});
  }
  const json document = {{"watched_seconds", rows.watched_seconds},
                         {"cost_seconds", rows.cost_seconds},
                         {"runs", rows.runs},
                         {"syscalls", std::move(list)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

base::Result<SystemCallRows> system_call_rows_from_json(std::string_view text) {
  try {
    const json document = json::parse(text);
    SystemCallRows rows;
    document.at("watched_seconds").get_to(rows.watched_seconds);
    document.at("cost_seconds").get_to(rows.cost_seconds);
    rows.runs = unsigned_of(document.at("runs"));
    const json& list = document.at("syscalls");
    if (!list.is_array() || list.size() > kMostRows) return base::invalid_error("too many rows");
    for (const json& entry : list) {
      SystemCallRow& row = rows.rows.emplace_back();
      entry.at("service").get_to(row.service);
      entry.at("syscall").get_to(row.system_call);
      entry.at("error").get_to(row.error);
      if (!read_histogram(entry.at("duration"), row.duration)) {
        return base::invalid_error("a histogram is out of range");
      }
      row.duration.has_range = false;  // octaves, as the kernel's programs count them
    }
    return rows;
  } catch (const json::exception&) {
    return base::invalid_error("not an answer of a hostlens agent");
  }
}

}  // namespace hostlens::web
