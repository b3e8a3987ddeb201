// SPDX-License-Identifier: Apache-2.0
// What an unwind table costs to build: time, rows per second and the memory of a process that
// builds one.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "symbols/unwind/unwind_table.h"

namespace {

using namespace hostlens;

base::Result<symbols::UnwindTable> build(const std::string& path) {
  auto source =
      symbols::FileSource::open(base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  if (!source) return source.error();
  const auto view = symbols::ElfView::open(*source);
  if (!view) return view.error();
  return symbols::build_unwind_table(*view);
}

/// Peak resident KiB of a child that builds the table of `path`, or does nothing if it is empty.
long peak_kib(const std::string& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool good = path.empty() || build(path).has_value();
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child || status != 0) return 0;
  return usage.ru_maxrss;
}

void BuildUnwindTable(benchmark::State& state, const std::string& path, long peak) {
  size_t rows = 0;
  for (auto _ : state) {
    auto table = build(path);
    if (!table) {
      state.SkipWithError(table.error().text().c_str());
      return;
    }
    rows = table->rows.size();
    benchmark::DoNotOptimize(table->rows.data());
  }
  state.counters["rows"] = static_cast<double>(rows);
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(rows) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
  state.counters["peak_KiB"] = static_cast<double>(peak);
}

/// Those of this machine, small to large.
const bool kRegistered = [] {
  for (const char* path :
       {"/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/bin/python3", "/usr/bin/node",
        "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so",
        "/usr/lib/x86_64-linux-gnu/libLLVM-16.so.1", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus"}) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) continue;
    const std::string name = std::filesystem::path(path).filename();
    // Now, as long as a child inherits nothing of earlier builds.
    const long peak = peak_kib(path) - peak_kib({});
    benchmark::RegisterBenchmark(name.c_str(), BuildUnwindTable, std::string(path), peak)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
