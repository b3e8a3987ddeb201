// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include "scrapers/process_scraper.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

constexpr auto kCounter = MetricKind::kCounter;
constexpr auto kUpDown = MetricKind::kUpDownCounter;
constexpr auto kGauge = MetricKind::kGauge;

class GroupFamilies {
 public:
  GroupFamilies(Scrape& run, const ProcessGroups& groups) : run_(run), groups_(groups) {}

  struct Split {
    std::string_view value;
    ProcessCounter counter;
  };
  /// A counter with one attribute; `unit` is what its number stands for.
  template <typename Unit>
  void counters(const aggregators::FamilyName& name, std::string_view key,
                const std::array<Split, 2>& splits, Unit unit) {
    run_.list().add(name, [&](model::MetricFamily& family) {
      groups_.for_each([&](const ProcessGroup& group) {
        for (const Split& split : splits) {
          const auto sum = group.sums[static_cast<size_t>(split.counter)];
          if (sum)
            add(family, group, aggregators::with(group.attributes, key, split.value), unit(*sum));
        }
      });
    });
  }

  /// `value` of what a group has now, nullopt: no point.
  template <typename Value>
  void present(const aggregators::FamilyName& name, Value value) {
    run_.list().add(name, [&](model::MetricFamily& family) {
      groups_.for_each([&](const ProcessGroup& group) {
        if (const auto is = value(group)) add(family, group, group.attributes, *is);
      });
    });
  }

  /// Only targets tell it.
  void of_targets(const aggregators::FamilyName& name, PresentSum ProcessPresent::*sum) {
    present(name, [sum](const ProcessGroup& group) -> std::optional<int64_t> {
      const auto value = (group.present.*sum).value();
      if (!group.is_target || !value) return std::nullopt;
      return static_cast<int64_t>(*value);
    });
  }

  void kinds(const aggregators::FamilyName& name) {
    run_.list().add(name, [&](model::MetricFamily& family) {
      groups_.for_each([&](const ProcessGroup& group) {
        if (!group.is_target) return;
        const auto add_kind = [&](std::string_view kind, const PresentSum& sum) {
          if (!sum.value()) return;
          add(family, group, aggregators::with(group.attributes, "kind", kind),
              static_cast<int64_t>(*sum.value()));
        };
        add_kind("anon", group.present.anonymous);
        add_kind("file", group.present.file);
        add_kind("shmem", group.present.shared);
      });
    });
  }

 private:
  template <typename Value>
  void add(model::MetricFamily& family, const ProcessGroup& group, model::Attributes labels,
           Value value) {
    const Series series{group.service != nullptr ? group.service : run_.host().service,
                        group.start_unix_ns};
    run_.list().add_point(family, series, std::move(labels), value);
  }

  Scrape& run_;
  const ProcessGroups& groups_;
};

int64_t as_is(uint64_t number) { return static_cast<int64_t>(number); }

}  // namespace

void add_process_families(Scrape& run, const ProcessGroups& groups) {
  GroupFamilies families(run, groups);
  const auto ticks = static_cast<double>(run.units().ticks_per_second);
  const auto seconds = [ticks](uint64_t number) { return static_cast<double>(number) / ticks; };
  families.counters(
      {"process.cpu.time", "CPU time by mode, of processes that ended as well.", "s", kCounter},
      "cpu.mode",
      {{{"user", ProcessCounter::kUserTicks}, {"system", ProcessCounter::kSystemTicks}}}, seconds);
  families.counters(
      {"process.paging.faults", "Page faults.", "{fault}", kCounter}, "system.paging.fault.type",
      {{{"major", ProcessCounter::kMajorFaults}, {"minor", ProcessCounter::kMinorFaults}}}, as_is);
  families.counters(
      {"process.disk.io", "Bytes read from and written to disks.", "By", kCounter},
      "disk.io.direction",
      {{{"read", ProcessCounter::kReadBytes}, {"write", ProcessCounter::kWrittenBytes}}}, as_is);
  families.counters({"process.context_switches", "Context switches of all threads.",
                     "{context_switch}", kCounter},
                    "process.context_switch.type",
                    {{{"voluntary", ProcessCounter::kVoluntarySwitches},
                      {"involuntary", ProcessCounter::kInvoluntarySwitches}}},
                    as_is);
  const auto whole = [](const PresentSum& sum) -> std::optional<int64_t> {
    return sum.value() ? std::optional<int64_t>(as_is(*sum.value())) : std::nullopt;
  };
  families.present({"process.memory.usage", "Resident memory.", "By", kUpDown},
                   [&](const ProcessGroup& group) { return whole(group.present.resident); });
  families.present({"process.memory.virtual", "Virtual memory.", "By", kUpDown},
                   [&](const ProcessGroup& group) { return whole(group.present.virtual_size); });
  families.present({"process.thread.count", "Threads.", "{thread}", kUpDown},
                   [&](const ProcessGroup& group) { return whole(group.present.threads); });
  families.present(
      {"hostlens.processes", "Processes of the service and program.", "{process}", kUpDown},
      [](const ProcessGroup& group) {
        return std::optional<int64_t>(as_is(group.present.processes));
      });
  families.present({"process.uptime", "Age of the oldest process.", "s", kGauge},
                   [&](const ProcessGroup& group) -> std::optional<double> {
                     if (group.present.processes == 0) return std::nullopt;
                     const double since_boot =
                         static_cast<double>(run.time().unix_ns - run.time().boot_unix_ns) / 1e9;
                     return std::max(0.0, since_boot - seconds(group.present.oldest_start_ticks));
                   });
  families.of_targets({"process.unix.file_descriptor.count", "Open file descriptors.",
                       "{file_descriptor}", kUpDown},
                      &ProcessPresent::open_files);
  families.present({"hostlens.process.file_descriptor.utilization",
                    "Share of the soft limit, of the process that is nearest to it.", "1", kGauge},
                   [](const ProcessGroup& group) -> std::optional<double> {
                     if (!group.present.open_files_share_known) return std::nullopt;
                     return group.present.highest_open_files_share;
                   });
  families.kinds({"hostlens.process.memory.rss", "Resident memory by kind.", "By", kUpDown});
}

void add_process_states(Scrape& run, const ProcessWalk& walk) {
  if (!walk.whole()) return;
  constexpr std::array<std::string_view, 6> kStates = {"running", "sleeping", "uninterruptible",
                                                       "stopped", "defunct",  "unknown"};
  std::array<uint64_t, kStates.size()> counts{};
  for (const SeenProcess& process : walk.processes()) {
    for (size_t i = 0; i < kStates.size(); ++i) {
      if (process_state(process.stat.state) == kStates[i]) ++counts[i];
    }
  }
  run.list().add({"system.process.count", "Processes by state.", "{process}", kUpDown},
                 [&](model::MetricFamily& family) {
                   for (size_t i = 0; i < kStates.size(); ++i) {
                     run.point(family, attributes({{"process.state", kStates[i]}}), counts[i]);
                   }
                 });
}

}  // namespace hostlens::scrapers
