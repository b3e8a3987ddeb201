// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "scrapers/cgroup_scraper.h"
#include "scrapers/pressure_text.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;
using Groups = std::map<std::string, std::unique_ptr<CgroupGroup>>;

constexpr auto kCounter = MetricKind::kCounter;
constexpr auto kUpDown = MetricKind::kUpDownCounter;
constexpr double kNanosecond = 1e-9;

class CgroupFamilies {
 public:
  CgroupFamilies(Scrape& run, const Groups& groups) : run_(run), groups_(groups) {}

  struct Split {
    std::string_view value;
    CgroupCounter counter;
  };
  /// Counters with one attribute, as whole numbers, or as seconds when they are nanoseconds.
  template <size_t N>
  void counters(const aggregators::FamilyName& name, std::string_view key,
                const std::array<Split, N>& splits, bool nanoseconds = false) {
    run_.list().add(name, [&](model::MetricFamily& family) {
      for (const auto& [id, group] : groups_) {
        for (const Split& split : splits) {
          const auto sum = group->sums[static_cast<size_t>(split.counter)];
          if (!sum) continue;
          model::Attributes labels;
          if (!key.empty()) aggregators::put_text(labels, key, split.value);
          if (nanoseconds) {
            add(family, *group, std::move(labels), static_cast<double>(*sum) * kNanosecond);
          } else {
            add(family, *group, std::move(labels), static_cast<int64_t>(*sum));
          }
        }
      }
    });
  }

  /// What the cgroups have now; nullopt: no point. A service without a cgroup has none.
  template <typename Value>
  void present(const aggregators::FamilyName& name, Value value) {
    run_.list().add(name, [&](model::MetricFamily& family) {
      for (const auto& [id, group] : groups_) {
        if (group->present.cgroups == 0) continue;
        if (const auto is = value(*group)) add(family, *group, {}, *is);
      }
    });
  }

  void pressure(const aggregators::FamilyName& name) {
    run_.list().add(name, [&](model::MetricFamily& family) {
      for (const auto& [id, group] : groups_) {
        for (size_t i = 0; i < kCgroupPressures; ++i) {
          const auto sum = group->sums[static_cast<size_t>(CgroupCounter::kPressureUs) + i];
          if (!sum) continue;
          add(family, *group,
              attributes({{"kind", i % 2 == 0 ? "some" : "full"},
                          {"resource", kPressureResources[i / 2]}}),
              static_cast<double>(*sum) / 1e6);
        }
      }
    });
  }

 private:
  template <typename Value>
  void add(model::MetricFamily& family, const CgroupGroup& group, model::Attributes labels,
           Value value) {
    run_.list().add_point(family, group, std::move(labels), value);
  }

  Scrape& run_;
  const Groups& groups_;
};

std::optional<int64_t> whole(std::optional<uint64_t> value) {
  return value ? std::optional<int64_t>(static_cast<int64_t>(*value)) : std::nullopt;
}

/// What cannot be taken back at once: all but inactive file pages.
std::optional<uint64_t> working_set(const CgroupGroup& group) {
  const auto usage = group.present.memory.value();
  const auto inactive = group.present.inactive_file.value();
  if (!usage || !inactive) return std::nullopt;
  return *usage - std::min(*usage, *inactive);
}

void add_cpu(CgroupFamilies& families) {
  using enum CgroupCounter;
  families.counters<2>({"container.cpu.time", "CPU time by mode.", "s", kCounter}, "cpu.mode",
                       {{{"user", kUserNs}, {"system", kSystemNs}}}, true);
  families.present({"container.cpu.usage", "CPUs in use, mean since the last reading.", "{cpu}",
                    MetricKind::kGauge},
                   [](const CgroupGroup& group) { return group.cpus_in_use; });
  families.present({"hostlens.cgroup.cpu.limit", "CPUs that the quota allows.", "{cpu}", kUpDown},
                   [](const CgroupGroup& group) -> std::optional<double> {
                     if (!group.present.all_have_cpus_limit) return std::nullopt;
                     return group.present.cpus_limit;
                   });
  families.counters<1>(
      {"hostlens.cgroup.cpu.periods", "Periods of the CPU quota.", "{period}", kCounter}, "",
      {{{"", kPeriods}}});
  families.counters<1>({"hostlens.cgroup.cpu.throttled.periods",
                        "Periods in which the CPU quota ran out.", "{period}", kCounter},
                       "", {{{"", kThrottledPeriods}}});
  families.counters<1>({"hostlens.cgroup.cpu.throttled.time",
                        "Time that threads waited for the next period.", "s", kCounter},
                       "", {{{"", kThrottledNs}}}, true);
}

void add_memory(CgroupFamilies& families) {
  using enum CgroupCounter;
  families.present(
      {"container.memory.usage", "Memory charged, page cache included.", "By", kUpDown},
      [](const CgroupGroup& group) { return whole(group.present.memory.value()); });
  families.present(
      {"container.memory.working_set", "Memory but for inactive file pages.", "By", kUpDown},
      [](const CgroupGroup& group) { return whole(working_set(group)); });
  families.present({"container.memory.rss", "Anonymous memory.", "By", kUpDown},
                   [](const CgroupGroup& group) { return whole(group.present.anonymous.value()); });
  families.present(
      {"container.memory.available", "What the limit leaves of the working set.", "By", kUpDown},
      [](const CgroupGroup& group) -> std::optional<int64_t> {
        const auto limit = group.present.memory_limit.value();
        const auto used = working_set(group);
        if (!limit || !used) return std::nullopt;
        return static_cast<int64_t>(*limit - std::min(*limit, *used));
      });
  families.present(
      {"hostlens.cgroup.memory.limit", "Memory that may be charged.", "By", kUpDown},
      [](const CgroupGroup& group) { return whole(group.present.memory_limit.value()); });
  families.counters<4>({"hostlens.cgroup.memory.events",
                        "Times that memory came to a bound (memory.events).", "{event}", kCounter},
                       "event",
                       {{{"high", kMemoryHigh},
                         {"max", kMemoryMax},
                         {"oom", kMemoryOom},
                         {"oom_kill", kMemoryOomKill}}});
}

void add_paging(Scrape& run, const Groups& groups) {
  run.list().add(
      {"container.paging.faults", "Page faults.", "{fault}", kCounter},
      [&](model::MetricFamily& family) {
        for (const auto& [id, group] : groups) {
          const auto all = group->sums[static_cast<size_t>(CgroupCounter::kFaults)];
          const auto major = group->sums[static_cast<size_t>(CgroupCounter::kMajorFaults)];
          if (!all || !major) continue;
          const auto add = [&](std::string_view type, uint64_t faults) {
            run.list().add_point(family, *group, attributes({{"system.paging.fault.type", type}}),
                                 static_cast<int64_t>(faults));
          };
          add("major", *major);
          add("minor", *all - *major);
        }
      });
}

}  // namespace

void add_cgroup_families(Scrape& run, const Groups& groups) {
  using enum CgroupCounter;
  CgroupFamilies families(run, groups);
  add_cpu(families);
  add_memory(families);
  add_paging(run, groups);
  families.counters<2>(
      {"container.disk.io", "Bytes read from and written to disks.", "By", kCounter},
      "disk.io.direction", {{{"read", kReadBytes}, {"write", kWrittenBytes}}});
  families.present(
      {"hostlens.cgroup.threads", "Threads, as the pids controller counts.", "{thread}", kUpDown},
      [](const CgroupGroup& group) { return whole(group.present.processes.value()); });
  families.present(
      {"hostlens.cgroup.process.limit", "Threads that may exist: pids.max.", "{thread}", kUpDown},
      [](const CgroupGroup& group) { return whole(group.present.processes_limit.value()); });
  families.pressure({"hostlens.cgroup.pressure.time",
                     "Time in which tasks waited for the resource (PSI).", "s", kCounter});
}

}  // namespace hostlens::scrapers
