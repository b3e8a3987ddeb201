// SPDX-License-Identifier: Apache-2.0
#include "web/histogram_json.h"

#include <limits>

#include "web/json_fields.h"

namespace hostlens::web {
namespace {

constexpr size_t kMostBuckets = 4096;

}  // namespace

using nlohmann::json;

json histogram_json(const model::ExponentialHistogram& h) {
  return {{"scale", h.scale},   {"offset", h.offset}, {"zero_count", h.zero_count},
          {"counts", h.counts}, {"count", h.count},   {"sum", h.sum},
          {"min", h.min},       {"max", h.max}};
}

bool read_histogram(const json& value, model::ExponentialHistogram& h) {
  const int64_t scale = integer_of(value.at("scale"));
  const int64_t offset = integer_of(value.at("offset"));
  const json& counts = value.at("counts");
  if (scale < -10 || scale > 20 || !counts.is_array() || counts.size() > kMostBuckets) return false;
  if (offset < std::numeric_limits<int32_t>::min() ||
      offset > std::numeric_limits<int32_t>::max()) {
    return false;
  }
  h.scale = static_cast<int32_t>(scale);
  h.offset = static_cast<int32_t>(offset);
  h.counts.reserve(counts.size());
  for (const json& count : counts) h.counts.push_back(unsigned_of(count));
  h.zero_count = unsigned_of(value.at("zero_count"));
  h.count = unsigned_of(value.at("count"));
  value.at("sum").get_to(h.sum);
  value.at("min").get_to(h.min);
  value.at("max").get_to(h.max);
  return h.min <= h.max;
}

}  // namespace hostlens::web
