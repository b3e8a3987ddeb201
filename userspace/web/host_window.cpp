// SPDX-License-Identifier: Apache-2.0
#include "web/host_window.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "model/histogram_math.h"

namespace hostlens::web {
namespace {

using Kind = HostRow::Kind;
using Labels = std::map<std::string, std::string>;

/// What is told of one metric.
struct Wanted {
  std::string_view name;
  Kind kind;
  std::array<std::string_view, 2> by{};  ///< attributes that are told apart; "": none
  bool by_service = false;
  size_t most = 64;  ///< rows; the largest stay, of distributions those with the longest sums
};

constexpr auto kLevel = Kind::kLevel;
constexpr auto kRate = Kind::kRate;
constexpr auto kDistribution = Kind::kDistribution;
constexpr std::string_view kDevice = "system.device";
constexpr std::string_view kDiskDirection = "disk.io.direction";
constexpr std::string_view kInterface = "network.interface.name";
constexpr std::string_view kDirection = "network.io.direction";
constexpr std::string_view kMountPoint = "system.filesystem.mountpoint";
constexpr std::string_view kMountState = "system.filesystem.state";
constexpr size_t kFewServices = 10;

constexpr Wanted kFiles[] = {
    {"system.uptime", kLevel},
    {"system.cpu.logical.count", kLevel},
    {"system.cpu.time", kRate, {"cpu.mode"}},
    {"system.cpu.load_average.1m", kLevel},
    {"system.cpu.load_average.5m", kLevel},
    {"system.cpu.load_average.15m", kLevel},
    {"hostlens.thread.runnable", kLevel},
    {"hostlens.thread.io_blocked", kLevel},
    {"hostlens.cpu.context_switches", kRate},
    {"hostlens.cpu.interrupts", kRate},
    {"system.memory.limit", kLevel},
    {"system.memory.usage", kLevel, {"system.memory.state"}},
    {"system.memory.linux.available", kLevel},
    {"system.paging.usage", kLevel, {"system.paging.state"}},
    {"system.paging.operations", kRate, {"system.paging.direction"}},
    {"system.paging.faults", kRate, {"system.paging.fault.type"}},
    {"hostlens.pressure.share", kLevel, {"kind", "resource"}},
    {"hostlens.pressure.time", kRate, {"kind", "resource"}},
    {"system.disk.io", kRate, {kDevice, kDiskDirection}, false, 128},
    {"system.disk.operations", kRate, {kDevice, kDiskDirection}, false, 128},
    {"system.disk.io_time", kRate, {kDevice}},
    {"hostlens.disk.io.in_flight", kLevel, {"device"}},
    {"system.filesystem.utilization", kLevel, {kMountPoint}, false, 16},
    {"system.filesystem.usage", kLevel, {kMountPoint, kMountState}, false, 512},
    {"system.filesystem.inodes.usage", kLevel, {kMountPoint, kMountState}, false, 512},
    {"hostlens.filesystem.stuck", kLevel, {kMountPoint}, false, 16},
    {"system.network.io", kRate, {kInterface, kDirection}, false, 128},
    {"system.network.packet.count", kRate, {kInterface, kDirection}, false, 128},
    {"system.network.packet.dropped", kRate, {kInterface, kDirection}, false, 128},
    {"system.network.errors", kRate, {kInterface, kDirection}, false, 128},
    {"hostlens.network.tcp.retransmits", kRate},
};

constexpr Wanted kKernel[] = {
    {"hostlens.thread.runqueue.duration", kDistribution, {"reason"}},
    {"hostlens.thread.runqueue.duration", kDistribution, {}, true, kFewServices},
    {"hostlens.thread.blocked.duration", kDistribution, {"cause"}},
    {"hostlens.disk.io.duration", kDistribution, {"device", kDiskDirection}},
    {"hostlens.disk.queue.duration", kDistribution, {"device", kDiskDirection}},
    {"hostlens.fsync.duration", kDistribution, {"mountpoint"}, false, 16},
    {"hostlens.writeback.duration", kDistribution, {"mountpoint"}, false, 16},
    {"hostlens.file.io.duration", kDistribution, {"type", "mountpoint"}, false, 16},
    {"hostlens.memory.fault.duration", kDistribution, {"type"}},
    {"hostlens.memory.reclaim.stall.duration", kDistribution, {"type"}},
    {"hostlens.interrupt.duration", kDistribution, {"type", "vector"}, false, 16},
    {"hostlens.tcp.accept.duration", kDistribution},
    {"hostlens.listen.overflows", kRate, {"server.port"}, false, 16},
    {"hostlens.packet.drops", kRate, {"reason"}, false, 16},
    {"hostlens.disk.io.errors", kRate, {"device"}},
    {"hostlens.oom.kills", kRate},
    {"hostlens.process.execs", kRate},
    {"hostlens.process.exits", kRate, {"reason"}},
    {"hostlens.thread.migrations", kRate},
};

double number_of(const model::MetricPoint& point) {
  if (const auto* whole = std::get_if<int64_t>(&point.value)) return static_cast<double>(*whole);
  const auto* number = std::get_if<double>(&point.value);
  return number != nullptr ? *number : 0;
}

/// Texts and whole numbers; no attribute that is asked for is of another kind.
std::string text_of(const model::AttributeValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  return {};
}

size_t hash_of(const model::MetricPoint& point) {
  size_t hash = std::hash<const void*>{}(point.service.get());
  for (const model::Attribute& attribute : point.attributes) {
    const size_t both = std::hash<std::string>{}(attribute.key) * 31 +
                        std::hash<std::string>{}(text_of(attribute.value));
    hash = hash * 1'000'003 + both;
  }
  return hash;
}

/// The points of one family in the reading before, by series.
class Before {
 public:
  explicit Before(const model::MetricFamily* family) {
    if (family == nullptr) return;
    for (const model::MetricPoint& point : family->points) points_.emplace(hash_of(point), &point);
  }
  /// nullptr: there was no such series. One that expired was missing in at least one reading, so
  /// what is in both is the same.
  [[nodiscard]] const model::MetricPoint* find(const model::MetricPoint& now) const {
    auto [at, end] = points_.equal_range(hash_of(now));
    for (; at != end; ++at) {
      const model::MetricPoint& point = *at->second;
      if (point.service == now.service && point.attributes == now.attributes) return &point;
    }
    return nullptr;
  }

 private:
  std::unordered_multimap<size_t, const model::MetricPoint*> points_;
};

const model::MetricFamily* find_family(const HostReading& reading, std::string_view name) {
  if (reading.families == nullptr) return nullptr;
  const auto found = std::find_if(reading.families->begin(), reading.families->end(),
                                  [&](const auto& family) { return family.name == name; });
  return found != reading.families->end() ? &*found : nullptr;
}

class RowList {
 public:
  /// `born`: counters begin at nothing when they are first seen.
  RowList(const HostReadings& readings, double seconds, bool born, HostRows& out)
      : readings_(readings), seconds_(seconds), born_(born), out_(out) {}

  void add(const Wanted& wanted) {
    const model::MetricFamily* const family = find_family(readings_.now, wanted.name);
    if (family == nullptr || (wanted.kind != Kind::kLevel && seconds_ <= 0)) return;
    const Before before(wanted.kind == Kind::kLevel ? nullptr
                                                    : find_family(readings_.before, wanted.name));
    std::map<std::pair<std::string, Labels>, HostRow> rows;
    for (const model::MetricPoint& point : family->points) {
      const model::MetricPoint* const old = before.find(point);
      if (wanted.kind != Kind::kLevel && old == nullptr && !born_) continue;
      if (wanted.by_service && point.service == nullptr) continue;  // the host is no service
      std::string service = wanted.by_service ? point.service->name : "";
      Labels labels = labels_of(point, wanted);
      HostRow& row = rows[{service, labels}];
      row.service = std::move(service);
      row.attributes = std::move(labels);
      add_point(point, old, wanted.kind, row);
    }
    keep_largest(wanted, rows);
  }

 private:
  static Labels labels_of(const model::MetricPoint& point, const Wanted& wanted) {
    Labels labels;
    for (const model::Attribute& attribute : point.attributes) {
      if (attribute.key != wanted.by[0] && attribute.key != wanted.by[1]) continue;
      labels.emplace(attribute.key, text_of(attribute.value));
    }
    return labels;
  }

  void add_point(const model::MetricPoint& point, const model::MetricPoint* old, Kind kind,
                 HostRow& row) const {
    if (kind == Kind::kLevel) {
      row.value += number_of(point);
      return;
    }
    if (kind == Kind::kRate) {
      const double gain = number_of(point) - (old != nullptr ? number_of(*old) : 0);
      row.value += std::max(gain, 0.0) / seconds_;  // one that was reset gained nothing known
      return;
    }
    const auto* now = std::get_if<model::ExponentialHistogram>(&point.value);
    if (now == nullptr) return;
    const auto* then =
        old != nullptr ? std::get_if<model::ExponentialHistogram>(&old->value) : nullptr;
    model::add(row.distribution, then != nullptr ? model::difference(*now, *then) : *now);
  }

  void keep_largest(const Wanted& wanted, std::map<std::pair<std::string, Labels>, HostRow>& rows) {
    const auto first = static_cast<ptrdiff_t>(out_.rows.size());
    for (auto& [key, row] : rows) {
      row.name = wanted.name;
      row.kind = wanted.kind;
      const bool empty = row.kind == Kind::kDistribution && row.distribution.count == 0;
      if (empty && wanted.by_service) continue;
      out_.rows.push_back(std::move(row));
    }
    std::stable_sort(
        out_.rows.begin() + first, out_.rows.end(), [](const HostRow& left, const HostRow& right) {
          return left.kind == Kind::kDistribution ? left.distribution.sum > right.distribution.sum
                                                  : left.value > right.value;
        });
    if (out_.rows.size() - static_cast<size_t>(first) > wanted.most) {
      out_.rows.resize(static_cast<size_t>(first) + wanted.most);
    }
  }

  const HostReadings& readings_;
  double seconds_;
  bool born_;
  HostRows& out_;
};

HostReadingTimes times_of(const HostReadings& readings, uint64_t now_ns) {
  HostReadingTimes times;
  const auto seconds = [](uint64_t from, uint64_t to) {
    return to > from ? static_cast<double>(to - from) / 1e9 : 0.0;
  };
  if (readings.before.families != nullptr) {
    times.seconds = seconds(readings.before.monotonic_ns, readings.now.monotonic_ns);
  }
  times.age_seconds =
      readings.now.families != nullptr ? seconds(readings.now.monotonic_ns, now_ns) : -1;
  return times;
}

/// What is wanted of a reading when there is a newer one; the rest can be many times as much.
std::shared_ptr<const std::vector<model::MetricFamily>> kept(
    const std::vector<model::MetricFamily>& families) {
  const auto wanted = [](const model::MetricFamily& family) {
    const auto is = [&](const Wanted& any) {
      return any.name == family.name && any.kind != Kind::kLevel;
    };
    return std::any_of(std::begin(kFiles), std::end(kFiles), is) ||
           std::any_of(std::begin(kKernel), std::end(kKernel), is);
  };
  auto copy = std::make_shared<std::vector<model::MetricFamily>>();
  std::copy_if(families.begin(), families.end(), std::back_inserter(*copy), wanted);
  return copy;
}

}  // namespace

void HostWindow::take(HostReading reading, HostReadings& into) {
  // Only this thread writes: it may look without the lock.
  if (reading.families == nullptr || reading.families == into.now.families) return;
  HostReading before;
  if (into.now.families != nullptr) before = {kept(*into.now.families), into.now.monotonic_ns};
  const std::lock_guard lock(mutex_);
  std::swap(into.before, before);
  std::swap(into.now, reading);  // the old ones are freed after the lock is
}

HostRows host_rows(const HostReadings& files, const HostReadings& kernel, uint64_t now_ns) {
  HostRows out;
  out.files = times_of(files, now_ns);
  out.kernel = times_of(kernel, now_ns);
  RowList of_files(files, out.files.seconds, false, out);
  for (const Wanted& wanted : kFiles) of_files.add(wanted);
  RowList of_kernel(kernel, out.kernel.seconds, true, out);
  for (const Wanted& wanted : kKernel) of_kernel.add(wanted);
  return out;
}

}  // namespace hostlens::web
