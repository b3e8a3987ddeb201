// SPDX-License-Identifier: Apache-2.0
// A whole reading of this host beside so many sleeping processes, and its parts. CPU time is what
// counts: the figure that the agent's budget speaks of.
#include <benchmark/benchmark.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "scrapers/host_metrics.h"

namespace {

using namespace hostlens;

/// Children that do nothing until the object goes.
class Sleepers {
 public:
  explicit Sleepers(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        while (true) ::pause();
      }
      if (pid > 0) pids_.push_back(pid);
    }
  }
  ~Sleepers() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;
  [[nodiscard]] const std::vector<pid_t>& pids() const { return pids_; }

 private:
  std::vector<pid_t> pids_;
};

void ScrapeHost(benchmark::State& state) {
  const Sleepers sleepers(static_cast<size_t>(state.range(0)));
  scrapers::LocalProcessFacts facts("/proc");
  scrapers::HostMetricsSettings settings;
  settings.process_facts = &facts;
  scrapers::HostMetrics host(std::move(settings));
  auto service = std::make_shared<model::Service>();
  service->name = "bench";
  std::vector<scrapers::ProcessTarget> targets;
  for (const pid_t pid : sleepers.pids()) {
    if (targets.size() == static_cast<size_t>(state.range(1))) break;
    targets.push_back({{static_cast<uint32_t>(pid), 0}, service, "sleeper"});
  }
  host.set_processes(std::move(targets));
  size_t points = 0;
  for (auto _ : state) {
    model::MetricSnapshot snapshot;
    snapshot.unix_ns = base::unix_now_ns();
    host.scrape(snapshot);
    points = 0;
    for (const auto& family : snapshot.families) points += family.points.size();
  }
  state.counters["points"] = static_cast<double>(points);
}
BENCHMARK(ScrapeHost)
    ->ArgNames({"processes", "targets"})
    ->Args({0, 0})
    ->Args({500, 0})
    ->Args({500, 50})
    ->Args({500, 500})
    ->Args({5000, 50})
    ->Unit(benchmark::kMillisecond);

void WalkProcesses(benchmark::State& state) {
  const Sleepers sleepers(static_cast<size_t>(state.range(0)));
  const scrapers::HostRoots roots;
  const scrapers::HostUnits units;
  const scrapers::ScrapeTime time;
  const std::shared_ptr<const model::Service> host;
  std::string buffer;
  model::MetricSnapshot snapshot;
  aggregators::FamilyList list(snapshot);
  scrapers::ReasonCounts errors{};
  scrapers::Scrape run({roots, units, time, host, buffer}, list, errors);
  scrapers::ProcessWalk walk(65'536, scrapers::spare_descriptors());
  for (auto _ : state) walk.look(run);
  state.counters["seen"] = static_cast<double>(walk.processes().size());
}
BENCHMARK(WalkProcesses)->ArgName("processes")->Arg(500)->Unit(benchmark::kMillisecond);

}  // namespace
