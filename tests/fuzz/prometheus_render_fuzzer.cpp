// SPDX-License-Identifier: Apache-2.0
// An Accept header, then texts of labels, names and units, each ended by a newline: whatever comes,
// the page is well-formed, bounded and without duplicate series.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "exporters/prometheus/render.h"
#include "exporters/prometheus/text.h"
#include "io/prometheus/client/metrics.pb.h"

namespace {

using namespace hostlens;

void require(bool condition) {
  if (!condition) std::abort();
}

std::string_view take_line(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

model::MetricSnapshot snapshot_of(std::string_view bytes) {
  model::MetricSnapshot snapshot;
  for (size_t i = 0; !bytes.empty() && i < 64; ++i) {
    const std::string first(take_line(bytes));
    const std::string second(take_line(bytes));
    auto service = std::make_shared<model::Service>();
    service->name = first;
    service->instance_id = second;
    service->resource = {{second, first}};
    model::MetricPoint point;
    if (i % 3 != 0) point.service = service;
    if (i % 5 == 0) snapshot.agent = service;
    point.attributes = {{first, second}, {second, first}, {"le", second}};
    const auto kind = static_cast<model::MetricKind>(i % 4);
    if (kind == model::MetricKind::kHistogram) {
      model::ExponentialHistogram histogram;
      histogram.scale = static_cast<int32_t>(first.size()) - 8;
      histogram.offset = static_cast<int32_t>(second.size()) * 7 - 100;
      for (const char c : first) histogram.counts.push_back(static_cast<unsigned char>(c));
      point.value = histogram;
    } else {
      point.value = static_cast<int64_t>(i);
    }
    if (i < 4 || i % 7 == 0) {
      model::MetricFamily family;
      family.name = first;
      family.unit = second;
      family.description = first;
      family.kind = kind;
      snapshot.families.push_back(std::move(family));
    }
    for (model::MetricFamily& family : snapshot.families) {
      if (family.kind == kind) family.points.push_back(point);
    }
  }
  return snapshot;
}

void check_text(std::string_view body) {
  require(exporters::prometheus::clean_text(body, body.size()) == body);
  require(body.empty() || body.ends_with('\n'));
  std::set<std::string_view> series;
  std::set<std::string_view> types;
  while (!body.empty()) {
    const std::string_view line = take_line(body);
    require(!line.empty());
    if (line.starts_with("# TYPE ")) {
      require(types.insert(line.substr(0, line.rfind(' '))).second);
    } else if (!line.starts_with('#')) {
      require(series.insert(line.substr(0, line.rfind(' '))).second);
    }
  }
}

void check_protobuf(std::string_view body) {
  while (!body.empty()) {
    size_t length = 0;
    int shift = 0;
    unsigned char byte = 0x80;
    while ((byte & 0x80) != 0) {
      require(!body.empty() && shift < 35);
      byte = static_cast<unsigned char>(body[0]);
      length |= static_cast<size_t>(byte & 0x7F) << shift;
      shift += 7;
      body.remove_prefix(1);
    }
    require(length <= body.size());
    io::prometheus::client::MetricFamily family;
    require(family.ParseFromArray(body.data(), static_cast<int>(length)));
    require(family.metric_size() > 0);
    body.remove_prefix(length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view accept = take_line(bytes);
  const auto snapshot = snapshot_of(bytes);
  const auto page = exporters::prometheus::render(snapshot, accept);
  if (page.content_type.starts_with("application/vnd.google.protobuf")) {
    check_protobuf(page.body);
  } else {
    check_text(page.body);
    require(page.content_type.starts_with("text/plain") || page.body.ends_with("# EOF\n"));
  }
  return 0;
}
