// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <limits>
#include <optional>

#include "exporters/profile/frame_text.h"
#include "exporters/profile/gunzip.h"
#include "exporters/profile/pprof.h"
#include "exporters/profile/pprof_tables.h"

namespace hostlens::exporters::profile {
namespace {

namespace pb = perftools::profiles;
using model::Profile;
using model::ProfileKind;

constexpr uint64_t kSecond = 1'000'000'000;
/// Frames of all samples together: some seconds of work. A million stacks of 256 frames fit.
constexpr uint64_t kMostSteps = uint64_t{1} << 28U;

/// Which of a sample's values are read, and what they mean.
struct Columns {
  ProfileKind kind = ProfileKind::kCpu;
  uint32_t hz = 0;
  int weight = 0;
  std::optional<int> count;
};

std::optional<int> column(const PprofTables& tables, std::string_view type, std::string_view unit) {
  const auto& types = tables.sample_types();
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i].type == type && types[i].unit == unit) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::optional<int> count_column(const PprofTables& tables) {
  for (const std::string_view type : {"samples", "events", "contentions", "sample"}) {
    if (const auto found = column(tables, type, "count")) return found;
  }
  return std::nullopt;
}

base::Result<Columns> choose(const PprofTables& tables) {
  const std::optional<int> count = count_column(tables);
  if (const auto time = column(tables, "cpu", "nanoseconds")) {
    const bool known = tables.period_type().type == "cpu" &&
                       tables.period_type().unit == "nanoseconds" && tables.period() > 0 &&
                       tables.period() <= kSecond;
    if (count && known) {
      const uint64_t hz = (kSecond + tables.period() / 2) / tables.period();
      return Columns{.hz = static_cast<uint32_t>(hz), .weight = *count, .count = count};
    }
    // Without a period a sample is as good as a nanosecond.
    return Columns{.hz = static_cast<uint32_t>(kSecond), .weight = *time, .count = count};
  }
  for (const std::string_view type : {"offcpu", "off_cpu", "delay"}) {
    if (const auto time = column(tables, type, "nanoseconds")) {
      return Columns{.kind = ProfileKind::kOffCpu, .weight = *time, .count = count};
    }
  }
  if (count) return Columns{.weight = *count, .count = count};
  std::string types;
  for (const auto& [type, unit] : tables.sample_types()) {
    types += fmt::format("{}{}/{}", types.empty() ? "" : ", ", line_safe(type), line_safe(unit));
  }
  return base::invalid_error(
      fmt::format("pprof: neither CPU time nor off-CPU time nor a count of samples (it has: {})",
                  types.empty() ? "nothing" : types));
}

/// The value of a column, 0 when the sample is too short; nothing when it is negative.
std::optional<uint64_t> value_of(const pb::Sample& sample, int index) {
  if (index >= sample.value_size()) return 0;
  if (sample.value(index) < 0) return std::nullopt;
  return static_cast<uint64_t>(sample.value(index));
}

void read_labels(const pb::Sample& in, const PprofTables& tables, model::Sample& sample) {
  constexpr std::array<std::pair<std::string_view, std::string model::Sample::*>, 7> kTexts{
      {{"process", &model::Sample::process_name},
       {"thread", &model::Sample::thread_name},
       {"service", &model::Sample::service},
       {"container", &model::Sample::container},
       {"route", &model::Sample::route},
       {"cause", &model::Sample::cause},
       {"waker", &model::Sample::waker}}};
  sample.process = {};
  for (const auto& [key, text] : kTexts) (sample.*text).clear();
  for (const pb::Label& label : in.label()) {
    const std::string_view key = tables.text(label.key());
    if (key == "pid" && label.num() > 0 && label.num() <= UINT32_MAX) {
      sample.process.pid = static_cast<uint32_t>(label.num());
    }
    for (const auto& [name, text] : kTexts) {
      if (key == name) sample.*text = tables.text(label.str());
    }
  }
}

/// `room`: memory that is used again.
base::Result<void> read_stack(const pb::Sample& in, const PprofTables& tables,
                              std::vector<model::Frame>& room, model::Sample& sample) {
  room.clear();
  for (const uint64_t id : in.location_id()) {
    const std::vector<model::Frame>* const frames = tables.location(id);
    if (frames == nullptr) {
      return base::invalid_error(
          fmt::format("pprof: a sample names location {}, which is not there", id));
    }
    // The profile cuts off what is too deep, and says so.
    if (room.size() > Profile::kMostFrames) break;
    room.insert(room.end(), frames->begin(), frames->end());
  }
  sample.stack = model::Stack::of(room);
  return {};
}

}  // namespace

base::Result<Profile> read_pprof(std::string_view bytes, size_t max_bytes) {
  std::string unpacked;
  if (is_gzip(bytes)) {
    auto result = gunzip(bytes, kMostPprofBytes);
    if (!result) return std::move(result).error().with_context("pprof");
    unpacked = *std::move(result);
    bytes = unpacked;
  }
  if (bytes.size() > kMostPprofBytes) return base::invalid_error("pprof: larger than 256 MiB");
  auto tables = PprofTables::read(bytes);
  if (!tables) return std::move(tables).error();
  auto columns = choose(*tables);
  if (!columns) return std::move(columns).error();

  Profile profile({.kind = columns->kind,
                   .hz = columns->hz,
                   .start_unix_ns = tables->time_ns(),
                   .duration_ns = tables->duration_ns(),
                   .max_bytes = max_bytes});
  model::Sample sample;
  std::vector<model::Frame> frames;
  uint64_t steps = 0;
  auto done = each_pprof_sample(bytes, [&](const pb::Sample& in) -> base::Result<void> {
    const auto weight = value_of(in, columns->weight);
    const auto count = columns->count ? value_of(in, *columns->count) : 1;
    if (!weight || !count) {
      return base::invalid_error("pprof: negative values, so it is a difference already");
    }
    if (*weight == 0 && *count == 0) return {};
    if (auto stack = read_stack(in, *tables, frames, sample); !stack) return stack;
    steps += frames.size();
    if (steps > kMostSteps) {
      return base::invalid_error(fmt::format("pprof: stacks of more than {} frames", kMostSteps));
    }
    read_labels(in, *tables, sample);
    sample.weight = *weight;
    profile.add(sample, *count);
    return {};
  });
  if (!done) return std::move(done).error();
  if (profile.total_weight() > std::numeric_limits<int64_t>::max()) {
    return base::invalid_error("pprof: the values add up to more than 63 bits hold");
  }
  return profile;
}

}  // namespace hostlens::exporters::profile
