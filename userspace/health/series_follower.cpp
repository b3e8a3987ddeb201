// SPDX-License-Identifier: Apache-2.0
#include "health/series_follower.h"

#include <bit>
#include <string>
#include <variant>

#include "base/hash.h"

namespace hostlens::health {
namespace {

/// A start is told up to the time of its snapshot, so it may seem to move by less than a second.
constexpr uint64_t kStartJitterNs = 2'000'000'000;

uint64_t hash_of(uint64_t hash, const model::AttributeValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return base::mix(hash, *text);
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return base::mix(hash, static_cast<uint64_t>(*number));
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return base::mix(hash, std::bit_cast<uint64_t>(*real));
  }
  if (const auto* flag = std::get_if<bool>(&value)) return base::mix(hash, *flag ? 1U : 2U);
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    hash = base::mix(hash, text);
  }
  return hash;
}

uint64_t identity(std::string_view family, const model::MetricPoint& point) {
  uint64_t hash = base::mix(uint64_t{point.attributes.size()}, family);
  if (point.service != nullptr) {
    hash = base::mix(hash, point.service->ns);
    hash = base::mix(hash, point.service->name);
  }
  for (const model::Attribute& attribute : point.attributes) {
    hash = hash_of(base::mix(hash, attribute.key), attribute.value);
  }
  return hash;
}

}  // namespace

void SeriesFollower::begin_round(uint64_t unix_ns) {
  ++round_;
  since_unix_ns_ = unix_ns_ != 0 ? unix_ns_ : unix_ns;
  unix_ns_ = unix_ns;
}

double SeriesFollower::gain(std::string_view family, const model::MetricPoint& point,
                            double total) {
  const uint64_t key = identity(family, point);
  const bool began_now = point.start_unix_ns + kStartJitterNs >= since_unix_ns_;
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (series_.size() >= limit_) return 0;
    series_.emplace(key, Series{total, point.start_unix_ns, round_});
    return began_now ? total : 0;
  }
  Series& series = found->second;
  const bool began_again =
      total < series.total || point.start_unix_ns > series.start_unix_ns + kStartJitterNs;
  const double gained = !began_again ? total - series.total : began_now ? total : 0;
  series = {total, point.start_unix_ns, round_};
  return gained;
}

void SeriesFollower::end_round() {
  std::erase_if(series_, [this](const auto& item) { return item.second.round != round_; });
}

double number_of(const model::MetricPoint& point) {
  if (const auto* whole = std::get_if<int64_t>(&point.value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&point.value)) return *real;
  return static_cast<double>(std::get<model::ExponentialHistogram>(point.value).count);
}

std::string_view text_of(const model::MetricPoint& point, std::string_view key) {
  for (const model::Attribute& attribute : point.attributes) {
    if (attribute.key != key) continue;
    const auto* text = std::get_if<std::string>(&attribute.value);
    return text != nullptr ? std::string_view(*text) : std::string_view();
  }
  return {};
}

}  // namespace hostlens::health
