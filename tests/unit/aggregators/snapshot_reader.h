// SPDX-License-Identifier: Apache-2.0
// Finds points in a snapshot and checks what holds for every snapshot.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aggregators/attribute_set.h"
#include "aggregators/metric_aggregator.h"

namespace hostlens::aggregators {

inline std::shared_ptr<const model::Process> process_of(std::string name) {
  auto service = std::make_shared<model::Service>();
  service->name = std::move(name);
  service->instance_id = "1";
  service->resource = {{"service.name", service->name}};
  auto process = std::make_shared<model::Process>();
  process->key.pid = 10;
  process->service = service;
  return process;
}

inline model::SocketAddress ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port) {
  return {model::AddressFamily::kIpv4, port, {a, b, c, d}};
}

/// "key=value" of every attribute, joined by commas, in the point's own order.
inline std::string text_of(const model::Attributes& attributes) {
  std::string text;
  for (const model::Attribute& attribute : attributes) {
    if (!text.empty()) text += ",";
    text += attribute.key + "=";
    if (const auto* value = std::get_if<std::string>(&attribute.value)) text += *value;
    if (const auto* value = std::get_if<int64_t>(&attribute.value)) text += std::to_string(*value);
    if (const auto* value = std::get_if<bool>(&attribute.value)) text += *value ? "true" : "false";
  }
  return text;
}

class SnapshotReader {
 public:
  explicit SnapshotReader(std::shared_ptr<const model::MetricSnapshot> snapshot)
      : snapshot_(std::move(snapshot)) {
    check_all();
  }

  [[nodiscard]] const model::MetricSnapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] const model::MetricFamily* family(std::string_view name) const {
    for (const model::MetricFamily& family : snapshot_->families) {
      if (family.name == name) return &family;
    }
    return nullptr;
  }
  /// Attributes of all points, for comparison with ElementsAre.
  [[nodiscard]] std::vector<std::string> points(std::string_view name) const {
    std::vector<std::string> result;
    if (const auto* const found = family(name)) {
      for (const model::MetricPoint& point : found->points) {
        result.push_back(text_of(point.attributes));
      }
    }
    return result;
  }
  [[nodiscard]] const model::MetricPoint* point(std::string_view name,
                                                std::string_view attributes) const {
    const auto* const found = family(name);
    if (found == nullptr) return nullptr;
    for (const model::MetricPoint& candidate : found->points) {
      if (text_of(candidate.attributes) == attributes) return &candidate;
    }
    return nullptr;
  }
  /// -999 when there is no such point.
  [[nodiscard]] int64_t number(std::string_view name, std::string_view attributes) const {
    const auto* const found = point(name, attributes);
    return found == nullptr ? -999 : std::get<int64_t>(found->value);
  }
  /// Empty when there is no such point.
  [[nodiscard]] model::ExponentialHistogram histogram(std::string_view name,
                                                      std::string_view attributes) const {
    const auto* const found = point(name, attributes);
    return found == nullptr ? model::ExponentialHistogram{}
                            : std::get<model::ExponentialHistogram>(found->value);
  }

 private:
  void check_all() const {
    std::set<std::string> names;
    for (const model::MetricFamily& family : snapshot_->families) {
      EXPECT_TRUE(names.insert(family.name).second) << family.name << " is there twice";
      EXPECT_FALSE(family.description.empty()) << family.name;
      std::set<std::string> seen;
      for (const model::MetricPoint& point : family.points) {
        const auto by_key = [](const auto& a, const auto& b) { return a.key < b.key; };
        EXPECT_TRUE(std::is_sorted(point.attributes.begin(), point.attributes.end(), by_key));
        EXPECT_EQ(std::adjacent_find(point.attributes.begin(), point.attributes.end(),
                                     [](const auto& a, const auto& b) { return a.key == b.key; }),
                  point.attributes.end());
        const std::string service = point.service ? point.service->name : "";
        EXPECT_TRUE(seen.insert(service + "|" + text_of(point.attributes)).second)
            << family.name << " has a point twice: " << text_of(point.attributes);
        EXPECT_LE(point.start_unix_ns, snapshot_->unix_ns) << family.name;
        EXPECT_EQ(std::holds_alternative<model::ExponentialHistogram>(point.value),
                  family.kind == model::MetricKind::kHistogram)
            << family.name;
      }
    }
  }

  std::shared_ptr<const model::MetricSnapshot> snapshot_;
};

}  // namespace hostlens::aggregators
