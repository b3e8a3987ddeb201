// SPDX-License-Identifier: Apache-2.0
// A million samples of a hundred thousand stacks: merging them, and each output.
#include <benchmark/benchmark.h>

#include <random>

#include "exporters/profile/diff_table.h"
#include "exporters/profile/format.h"
#include "unit/exporters/profile/scene.h"

namespace {

using namespace hostlens::exporters::profile;
using hostlens::model::Frame;
using hostlens::model::Profile;
using hostlens::model::Sample;

constexpr size_t kSamples = 1'000'000;
constexpr size_t kStacks = 100'000;
constexpr size_t kDepth = 32;

/// Stacks of 32 frames out of 5,000 functions; the way from the root branches slowly, as in life.
const std::vector<Sample>& stacks() {
  static const std::vector<Sample> made = [] {
    std::vector<Frame> functions;
    const auto module = scene::module("/usr/lib/libserver.so", "aabb");
    for (uint32_t i = 0; i < 5000; ++i) {
      functions.push_back(scene::in(
          module, scene::frame(Frame::Kind::kNative,
                               "ns::class_" + std::to_string(i) + "::run(int, char const*)",
                               "server.cpp", i, 0x1000 + i)));
    }
    std::mt19937 random(1);
    std::vector<Sample> result;
    for (size_t i = 0; i < kStacks; ++i) {
      Sample sample = scene::sample("server", 7, "worker", 1, {});
      for (size_t depth = 0; depth < kDepth; ++depth) {
        const size_t spread = depth < 24 ? 2 : 20;  // leaves differ, roots hardly do
        sample.stack.push(functions[(kDepth - depth) * 100 + random() % spread]);
      }
      result.push_back(std::move(sample));
    }
    return result;
  }();
  return made;
}

Profile merged() {
  Profile profile({.hz = 99, .max_bytes = 1U << 30U});
  for (size_t i = 0; i < kSamples; ++i) profile.add(stacks()[i % kStacks]);
  return profile;
}

void merge(benchmark::State& state) {
  stacks();
  for (auto _ : state) {
    const Profile profile = merged();
    state.counters["entries"] = static_cast<double>(profile.entries().size());
    state.counters["nodes"] = static_cast<double>(profile.nodes().size());
    state.counters["MiB"] = static_cast<double>(profile.bytes()) / (1U << 20U);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kSamples));
}
BENCHMARK(merge)->Unit(benchmark::kMillisecond);

/// By the default bound of 64 MiB.
void merge_bounded(benchmark::State& state) {
  for (auto _ : state) {
    Profile profile({.hz = 99});
    for (size_t i = 0; i < kSamples; ++i) profile.add(stacks()[i % kStacks]);
    state.counters["overflowed"] = static_cast<double>(profile.overflowed());
    state.counters["MiB"] = static_cast<double>(profile.bytes()) / (1U << 20U);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kSamples));
}
BENCHMARK(merge_bounded)->Unit(benchmark::kMillisecond);

void write(benchmark::State& state) {
  static const Profile profile = merged();
  const auto format = static_cast<ProfileFormat>(state.range(0));
  for (auto _ : state) {
    const auto file = write_profile(profile, format, "bench");
    state.counters["MiB"] = static_cast<double>(file->size()) / (1U << 20U);
  }
}
BENCHMARK(write)
    ->ArgName("format")
    ->DenseRange(0, static_cast<int>(ProfileFormat::kSpeedscope))
    ->Unit(benchmark::kMillisecond);

void read(benchmark::State& state) {
  static const Profile profile = merged();
  const auto file = write_profile(profile, static_cast<ProfileFormat>(state.range(0)), "bench");
  for (auto _ : state) {
    const auto back = read_profile(*file, 1U << 30U);
    if (!back || back->total_weight() != profile.total_weight()) state.SkipWithError("other sums");
  }
}
BENCHMARK(read)
    ->ArgName("format")
    ->DenseRange(0, static_cast<int>(ProfileFormat::kFolded))
    ->Unit(benchmark::kMillisecond);

void compare(benchmark::State& state) {
  static const Profile profile = merged();
  for (auto _ : state) benchmark::DoNotOptimize(diff_functions(profile, profile));
}
BENCHMARK(compare)->Unit(benchmark::kMillisecond);

}  // namespace
