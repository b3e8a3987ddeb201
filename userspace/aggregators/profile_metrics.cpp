// SPDX-License-Identifier: Apache-2.0
#include "aggregators/profile_metrics.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "aggregators/family_list.h"
#include "base/clock.h"

namespace hostlens::aggregators {
namespace {

using model::Frame;
using model::MetricFamily;
using model::MetricKind;

std::string_view kind_text(size_t kind) {
  switch (static_cast<Frame::Kind>(kind)) {
    case Frame::Kind::kNative:
      return "native";
    case Frame::Kind::kKernel:
      return "kernel";
    case Frame::Kind::kGo:
      return "go";
    case Frame::Kind::kPython:
      return "python";
    case Frame::Kind::kJava:
      return "java";
    case Frame::Kind::kJavaScript:
      return "javascript";
    case Frame::Kind::kJit:
      return "jit";
    case Frame::Kind::kUnknown:
      break;
  }
  return "unknown";
}

void add_counter(std::vector<MetricFamily>& families, std::string name, std::string description,
                 std::string unit, model::MetricPoint point) {
  MetricFamily made =
      new_family(std::move(name), std::move(description), std::move(unit), MetricKind::kCounter);
  made.points.push_back(std::move(point));
  families.push_back(std::move(made));
}

}  // namespace

void ProfileMetrics::add(const model::Sample& sample,
                         const std::shared_ptr<const model::Service>& service, uint64_t cpu_ns,
                         uint64_t now_ns) {
  auto found = services_.find(service.get());
  if (found == services_.end()) {
    if (services_.size() >= kMostServices) return;
    found = services_.try_emplace(service.get()).first;
    found->second.service = service;
    found->second.begin_unix_ns = base::unix_now_ns();
  }
  OfService& of = found->second;
  of.last_ns = now_ns;
  auto outcome = of.outcomes.find(sample.outcome);
  if (outcome == of.outcomes.end()) outcome = of.outcomes.try_emplace(sample.outcome).first;
  ++outcome->second;
  for (size_t kind = 0; kind < of.frames.size(); ++kind) {
    for (const size_t named : {0, 1}) of.frames[kind][named] += sample.stack.counts()[kind][named];
  }
  if (cpu_ns == 0 || sample.stack.empty() || sample.stack.leaf().function == nullptr) return;
  const std::string& name = sample.stack.leaf().function->name;
  auto function = of.functions.find(name);
  if (function == of.functions.end()) {
    if (of.functions.size() >= kMostFunctions) return;
    function = of.functions.try_emplace(name, static_cast<uint32_t>(of.functions.size())).first;
    of.function_ns.push_back(0);
    of.function_names.push_back(&function->first);
  }
  of.function_ns[function->second] += cpu_ns;
}

std::vector<uint32_t> ProfileMetrics::top_functions(const OfService& of) const {
  std::vector<uint32_t> top(of.function_ns.size());
  std::iota(top.begin(), top.end(), 0U);
  const auto shown = static_cast<ptrdiff_t>(std::min(functions_, top.size()));
  const auto by_time = [&](uint32_t a, uint32_t b) {
    if (of.function_ns[a] != of.function_ns[b]) return of.function_ns[a] > of.function_ns[b];
    return *of.function_names[a] < *of.function_names[b];
  };
  std::partial_sort(top.begin(), top.begin() + shown, top.end(), by_time);
  top.resize(static_cast<size_t>(shown));
  return top;
}

void ProfileMetrics::add_service_families(std::vector<MetricFamily>& families) const {
  MetricFamily samples =
      new_family("hostlens.profile.samples",
                 "Samples of profiles, by what became of the stack: complete, or "
                 "why its root's end is missing.",
                 "{sample}", MetricKind::kCounter);
  MetricFamily frames = new_family("hostlens.profile.frames",
                                   "Frames of these, by kind and whether they have a name.",
                                   "{frame}", MetricKind::kCounter);
  MetricFamily time =
      new_family("hostlens.profile.cpu.time",
                 "CPU time in functions themselves, by samples: of each service those "
                 "with the most.",
                 "s", MetricKind::kCounter);
  for (const auto& [key, of] : services_) {
    for (const auto& [outcome, count] : of.outcomes) {
      samples.points.push_back(
          {of.service, {{"outcome", outcome}}, of.begin_unix_ns, static_cast<int64_t>(count), {}});
    }
    for (size_t kind = 0; kind < of.frames.size(); ++kind) {
      for (const bool named : {false, true}) {
        const uint64_t count = of.frames[kind][named ? 1 : 0];
        if (count == 0) continue;
        frames.points.push_back({of.service,
                                 {{"kind", std::string(kind_text(kind))}, {"named", named}},
                                 of.begin_unix_ns,
                                 static_cast<int64_t>(count),
                                 {}});
      }
    }
    for (const uint32_t function : top_functions(of)) {
      time.points.push_back({of.service,
                             {{"function", *of.function_names[function]}},
                             of.begin_unix_ns,
                             static_cast<double>(of.function_ns[function]) * 1e-9,
                             {}});
    }
  }
  for (MetricFamily* made : {&samples, &frames, &time}) {
    if (!made->points.empty()) families.push_back(std::move(*made));
  }
}

void ProfileMetrics::add_families(std::vector<MetricFamily>& families,
                                  const ProfileAccount& account, uint64_t start_unix_ns,
                                  uint64_t now_ns, uint64_t idle_ns) {
  std::erase_if(services_, [&](const auto& entry) {
    return now_ns > entry.second.last_ns && now_ns - entry.second.last_ns > idle_ns;
  });
  add_service_families(families);
  const auto point = [&](auto value, model::Attributes attributes = {}) {
    return model::MetricPoint{nullptr, std::move(attributes), start_unix_ns, value, {}};
  };
  const auto count = [](uint64_t value) { return static_cast<int64_t>(value); };
  MetricFamily memory = new_family("hostlens.profile.table.memory",
                                   "The kernel's memory for tables that stacks are unwound by.",
                                   "By", MetricKind::kGauge);
  memory.points.push_back(point(count(account.table_bytes)));
  families.push_back(std::move(memory));
  MetricFamily rate = new_family("hostlens.profile.rate",
                                 "Samples of each busy CPU in a second, now: lower than configured "
                                 "while the profiler is over its budget.",
                                 "Hz", MetricKind::kGauge);
  if (account.hz > 0) rate.points.push_back(point(account.hz));
  if (!rate.points.empty()) families.push_back(std::move(rate));
  add_counter(families, "hostlens.profile.table.evictions",
              "Tables that went to make room for others.", "{table}",
              point(count(account.table_evictions)));
  add_counter(families, "hostlens.profile.table.builds", "Tables that were built.", "{table}",
              point(count(account.tables_built)));
  MetricFamily cost =
      new_family("hostlens.profile.cost",
                 "CPU time of the profiler: of samples in the kernel, of tables, and "
                 "of everything else.",
                 "s", MetricKind::kCounter);
  cost.points.push_back(point(account.sampler_seconds, {{"part", std::string("sampler")}}));
  cost.points.push_back(point(account.tables_seconds, {{"part", std::string("tables")}}));
  cost.points.push_back(point(account.naming_seconds, {{"part", std::string("names")}}));
  families.push_back(std::move(cost));
  add_counter(families, "hostlens.profile.sampler.runs", "Samples of CPUs that were taken.",
              "{sample}", point(count(account.sampler_runs)));
  MetricFamily lost = new_family("hostlens.profile.lost", "Samples that are in no profile.",
                                 "{sample}", MetricKind::kCounter);
  lost.points.push_back(point(count(account.lost_ring), {{"reason", std::string("ring_full")}}));
  lost.points.push_back(point(count(account.lost_late), {{"reason", std::string("late")}}));
  lost.points.push_back(
      point(count(account.lost_unreadable), {{"reason", std::string("unreadable")}}));
  families.push_back(std::move(lost));
  const auto add_by = [&](MetricFamily family, const char* attribute,
                          const std::vector<std::pair<std::string_view, uint64_t>>& counts) {
    for (const auto& [value, files] : counts) {
      if (files == 0) continue;
      family.points.push_back(point(count(files), {{attribute, std::string(value)}}));
    }
    if (!family.points.empty()) families.push_back(std::move(family));
  };
  add_by(new_family("hostlens.profile.symbols.refused", "Files that gave no names to frames.",
                    "{file}", MetricKind::kCounter),
         "reason", account.refused);
  add_by(new_family("hostlens.profile.symbols.downloads",
                    "Files that debuginfod servers were asked for, by what became of it.", "{file}",
                    MetricKind::kCounter),
         "outcome", account.downloads);
}

}  // namespace hostlens::aggregators
