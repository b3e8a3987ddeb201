// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/page.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_map>
#include <unordered_set>

#include "exporters/prometheus/histogram.h"
#include "exporters/prometheus/target.h"
#include "exporters/prometheus/text.h"
#include "model/histogram_math.h"

namespace hostlens::exporters::prometheus {
namespace {

using model::ExponentialHistogram;
using model::MetricKind;
using model::MetricPoint;

constexpr size_t kMaxHelpBytes = 1024;

/// Every name that samples or families may use in any of the formats.
class UsedNames {
 public:
  bool claim(const std::string& name, MetricKind kind) {
    switch (kind) {
      case MetricKind::kCounter:
        return claim_all(name, {"", "_total", "_created"});
      case MetricKind::kHistogram:
        return claim_all(name, {"", "_bucket", "_sum", "_count", "_created"});
      default:
        return claim_all(name, {""});
    }
  }

 private:
  bool claim_all(const std::string& name, std::initializer_list<const char*> suffixes) {
    for (const char* suffix : suffixes) {
      if (used_.contains(name + suffix)) return false;
    }
    for (const char* suffix : suffixes) used_.insert(name + suffix);
    return true;
  }

  std::unordered_set<std::string> used_ = {"target", "target_info"};
};

bool fits(const MetricPoint& point, MetricKind kind) {
  return std::holds_alternative<ExponentialHistogram>(point.value) ==
         (kind == MetricKind::kHistogram);
}

double number_of(const MetricPoint& point) {
  if (const auto* whole = std::get_if<int64_t>(&point.value)) return static_cast<double>(*whole);
  return std::get<double>(point.value);
}

void add_point(MetricPoint& sum, const MetricPoint& other, MetricKind kind) {
  if (kind == MetricKind::kGauge) {
    if (other.start_unix_ns >= sum.start_unix_ns) sum = other;
    return;
  }
  if (kind == MetricKind::kHistogram) {
    model::add(std::get<ExponentialHistogram>(sum.value),
               std::get<ExponentialHistogram>(other.value));
  } else if (std::holds_alternative<int64_t>(sum.value) &&
             std::holds_alternative<int64_t>(other.value)) {
    int64_t total = 0;
    if (__builtin_add_overflow(std::get<int64_t>(sum.value), std::get<int64_t>(other.value),
                               &total)) {
      sum.value = number_of(sum) + number_of(other);
    } else {
      sum.value = total;
    }
  } else {
    sum.value = number_of(sum) + number_of(other);
  }
  sum.start_unix_ns = std::min(sum.start_unix_ns, other.start_unix_ns);
  sum.exemplars.insert(sum.exemplars.end(), other.exemplars.begin(), other.exemplars.end());
}

std::vector<Series> unique_series(const model::MetricFamily& family, const Targets& targets,
                                  std::deque<MetricPoint>& sums) {
  std::vector<Series> all;
  all.reserve(family.points.size());
  std::unordered_map<std::string, size_t> places;
  std::unordered_map<size_t, MetricPoint*> summed;
  for (const MetricPoint& point : family.points) {
    if (!fits(point, family.kind)) continue;
    Series series{targets.labels_of(point), &point};
    add_attributes(series.labels, point.attributes);
    const auto [place, is_new] = places.try_emplace(identity_of(series.labels), all.size());
    if (is_new) {
      all.push_back(std::move(series));
      continue;
    }
    MetricPoint*& sum = summed[place->second];
    if (!sum) {
      sum = &sums.emplace_back(*all[place->second].point);
      all[place->second].point = sum;
    }
    add_point(*sum, point, family.kind);
  }
  return all;
}

}  // namespace

Page arrange(const model::MetricSnapshot& snapshot) {
  Page page;
  const Targets targets(snapshot);
  UsedNames names;
  model::for_each_family(snapshot, [&](const model::MetricFamily& metrics) {
    Family family;
    family.series = unique_series(metrics, targets, page.sums);
    if (family.series.empty()) return;
    family.name = family_name(metrics.name, metrics.unit, metrics.kind);
    if (!names.claim(family.name.name, metrics.kind)) return;
    family.otel_unit = metrics.unit;
    family.octaves = metrics.octaves;
    family.kind = metrics.kind;
    family.help = clean_text(metrics.description, kMaxHelpBytes);
    if (family.help.empty()) family.help = "OpenTelemetry metric " + clean_text(metrics.name) + ".";
    page.families.push_back(std::move(family));
  });
  page.targets = targets.target_info();
  return page;
}

}  // namespace hostlens::exporters::prometheus
