// SPDX-License-Identifier: Apache-2.0
// One reader per family that signals are made of: the explicit table is in reading.cpp.
#pragma once

#include <string_view>

#include "health/memory.h"
#include "health/series_follower.h"
#include "model/metric.h"

namespace hostlens::health {

struct Reading {
  Memory& memory;
  SeriesFollower& follower;
  const model::MetricFamily& family;

  [[nodiscard]] double gain(const model::MetricPoint& point) const {
    return follower.gain(family.name, point, number_of(point));
  }
};

using FamilyReader = void (*)(const Reading& reading);

/// nullptr: no signal wants this family.
[[nodiscard]] FamilyReader reader_of(std::string_view family);

// Requests and connects (traffic_reading.cpp).
void read_server_requests(const Reading& reading);
void read_client_requests(const Reading& reading);
void read_opened(const Reading& reading);
void read_failed(const Reading& reading);

/// Adds what the histograms of one service gained; `gained` is the follower's count of it.
void take_latency(LatencyMemory& memory,
                  const std::vector<const model::ExponentialHistogram*>& histograms, double gained,
                  uint64_t now_ns, uint64_t relearn_ns);

}  // namespace hostlens::health
