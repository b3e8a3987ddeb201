// SPDX-License-Identifier: Apache-2.0
// What identity costs: events of short processes, and naming cgroups.
#include <benchmark/benchmark.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/clock.h"
#include "discovery/cgroup_names.h"
#include "discovery/process_table.h"
#include "unit/discovery/fake_host.h"

namespace {

using namespace hostlens;

/// fork, exec and exit of one process that is no target.
void ShortProcess(benchmark::State& state) {
  discovery::FakeHost host;
  const auto table = *discovery::ProcessTable::create({}, host, host.proc());
  uint64_t now_ns = base::monotonic_now_ns();
  uint32_t i = 0;
  for (auto _ : state) {
    const model::ProcessKey key{1000 + i % 100'000, ++i};
    table->on_fork({.time_ns = now_ns, .process = key, .parent_pid = 1});
    table->on_exec({.time_ns = now_ns, .process = key, .parent_pid = 1, .comm = "short"});
    table->on_exit({.time_ns = now_ns, .process = key});
    now_ns += 1'000'000;
    if (i % 100 == 0) table->tick(now_ns);
  }
  state.counters["entries"] = static_cast<double>(table->size());
  state.counters["files_opened"] = host.opens.load();
}
BENCHMARK(ShortProcess);

/// One refresh in which every cgroup is new: the kernel's own hierarchy, root only.
void NameCgroups(benchmark::State& state) {
  const std::string folder = "/sys/fs/cgroup/unified/hostlens_bench." + std::to_string(::getpid());
  if (::mkdir(folder.c_str(), 0755) != 0) return state.SkipWithError("may not make cgroups here");
  std::vector<uint64_t> ids;
  for (int i = 0; i < state.range(0); ++i) {
    const std::string path = folder + "/" + std::to_string(i) + "x.service";
    struct stat status {};
    if (::mkdir(path.c_str(), 0755) == 0 && ::stat(path.c_str(), &status) == 0) {
      ids.push_back(status.st_ino);
    }
  }
  discovery::FakeHost host;
  const auto table = *discovery::ProcessTable::create({}, host, host.proc());
  for (auto _ : state) {
    discovery::CgroupNames names({}, *table);
    for (const uint64_t id : ids) benchmark::DoNotOptimize(names.service_of(id));
    names.refresh(1);
  }
  for (int i = 0; i < state.range(0); ++i) {
    ::rmdir((folder + "/" + std::to_string(i) + "x.service").c_str());
  }
  ::rmdir(folder.c_str());
}
BENCHMARK(NameCgroups)->Arg(100)->Arg(2000)->Unit(benchmark::kMillisecond);

}  // namespace
