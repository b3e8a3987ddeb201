// SPDX-License-Identifier: Apache-2.0
// Sampled stacks of programs without frame pointers equal those that their source says.
#include "bpf/profiled.h"

#include <cstdio>
#include <ctime>
#include <functional>

namespace hostlens::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kSamples = 400;

using Names = std::vector<std::string>;

class ProfileTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { profiled_ = Profiled::open(499, false, why_not_); }
  static void TearDownTestSuite() { profiled_.reset(); }
  void SetUp() override {
    if (!profiled_) GTEST_SKIP() << why_not_;
    profiled_->clear();
  }

  static inline std::unique_ptr<Profiled> profiled_;
  static inline std::string why_not_;
};

struct ChainCase {
  const char* name;
  const char* program;
  const char* chain;
  Names names;  ///< of the program's own functions, leaf first, down to main
  bool truncated = false;
};
void PrintTo(const ChainCase& chain, std::ostream* out) { *out << chain.name; }

Names recursion(size_t times) {
  Names names{"spin"};
  names.insert(names.end(), times, "recurse");
  names.emplace_back("main");
  return names;
}

const ChainCase kChains[] = {
    {"Calls", "profiled_chains", "chain", {"spin", "third", "second", "first", "main"}},
    {"StaticPie", "profiled_static", "chain", {"spin", "third", "second", "first", "main"}},
    {"Recursion", "profiled_chains", "deep", recursion(150)},
    {"RecursionTooDeep", "profiled_chains", "too_deep", recursion(199), true},
    {"SignalHandler",
     "profiled_chains",
     "signal",
     {"spin", "handler", "raiser", "raise_on", "main"}},
    {"SignalHandlerOnItsOwnStack",
     "profiled_chains",
     "signal_stack",
     {"spin", "handler", "raiser", "raise_on", "main"}},
    {"LoadedLibrary", "profiled_chains", "library", {"spin", "with_library", "main"}},
    {"ForkedChild",
     "profiled_chains",
     "fork",
     {"spin", "third", "second", "first", "in_child", "main"}},
    {"Executed", "profiled_chains", "exec", {"spin", "third", "second", "first", "main"}},
    {"SystemCalls", "profiled_chains", "system_calls", {"in_system_calls", "main"}},
    {"LinkageTable", "profiled_chains", "linkage_table", {"in_linkage_table", "main"}},
    {"FrameOfUnknownSize", "profiled_chains", "room", {"spin", "with_room", "main"}},
};

class ChainTest : public ProfileTest, public ::testing::WithParamInterface<ChainCase> {
 protected:
  /// The program's own functions from main on, its caller first; a chain is one already at its end.
  static Names from_main(Names names) {
    std::reverse(names.begin(), names.end());
    const auto main = std::find(names.begin(), names.end(), "main");
    names.erase(names.begin(), main);
    return names;
  }
  /// Whether the stack is the chain or on its way there (or to what its last function calls).
  static bool fits(const Names& names, const ChainCase& chain, bool& whole) {
    if (chain.truncated && !names.empty() && names.front() == "spin") {
      // Frames of the C library are not the program's own, but count to what there is room for.
      whole = names.size() + 2 >= chain.names.size() - 1;
      return whole && std::equal(names.begin(), names.end(), chain.names.begin());
    }
    const Names got = from_main(names);
    const Names wanted = from_main(chain.names);
    const size_t common = std::min(got.size(), wanted.size());
    whole = got.size() >= wanted.size();
    return std::equal(got.begin(), got.begin() + static_cast<ptrdiff_t>(common), wanted.begin());
  }
};

TEST_P(ChainTest, IsSampledAsItsSourceSays) {
  const ChainCase& chain = GetParam();
  const std::string path = profiled_program(chain.program);
  auto child = profiled_->start({path, chain.chain, profiled_program("libprofiled_library.so")});
  profiled_->settle(static_cast<uint32_t>(child.pid));
  profiled_->clear();
  child.go();
  profiled_->serve_until(kSamples, 60 * kSecond);
  child.end();
  for (int i = 0; i < 2000 && profiled_->waiting() != 0; ++i) profiled_->serve_once();
  profiled_->serve();
  size_t right = 0;
  size_t whole = 0;
  size_t complete = 0;
  std::string others;
  for (const auto& sample : profiled_->samples()) {
    const bool is_complete = sample.outcome == PROFILE_COMPLETE ||
                             sample.outcome == PROFILE_EXITING ||
                             (chain.truncated && sample.outcome == PROFILE_TRUNCATED);
    bool is_whole = false;
    const bool is_right = fits(profiled_->names(sample, path), chain, is_whole);
    complete += is_complete ? 1 : 0;
    right += is_right ? 1 : 0;
    whole += is_right && is_whole ? 1 : 0;
    if ((!is_complete || !is_right) && others.size() < 1500) {
      others += "\n  " + profiled_->describe(sample) + " =";
      for (const std::string& name : profiled_->names(sample, path)) others += " " + name;
    }
  }
  const size_t count = profiled_->samples().size();
  const double share = count == 0 ? 0 : 100.0 * static_cast<double>(complete) / count;
  std::printf("  %s: %zu samples, %.2f%% complete, %zu right, %zu of them at the chain's end%s\n",
              chain.name, count, share, right, whole, others.c_str());
  EXPECT_GE(count, kSamples);
  EXPECT_GE(share, 99.5);
  EXPECT_GE(right * 1000, count * 995);
  EXPECT_GE(whole * 10, count * 6);  // the rest starts and ends
}

INSTANTIATE_TEST_SUITE_P(Known, ChainTest, ::testing::ValuesIn(kChains),
                         [](const auto& chain) { return chain.param.name; });

double cpu_seconds() {
  timespec time{};
  EXPECT_EQ(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Of this thread, whatever it has used already.
void use_cpu(double seconds) {
  const double end = cpu_seconds() + seconds;
  while (cpu_seconds() < end) {
  }
}

class BeginTest : public ::testing::TestWithParam<bool> {};

TEST_P(BeginTest, NothingIsSampledBefore) {
  auto types = probes::kernel_types();
  if (!types) GTEST_SKIP() << types.error().text();
  kernel::SharedMaps shared({});
  kernel::AttachReport report;
  base::UniqueFd listeners;
  probes::ProfileProbeSettings settings;
  settings.hz = 97;
  settings.by_ticks = GetParam();
  const auto probe =
      probes::ProfileProbe::attach({shared, types->get(), report, listeners}, settings);
  if (!probe) GTEST_SKIP() << report.hooks.front().reason;
  const auto taken = [&] {
    const auto books = probes::read_profile_books(probe->maps().books);
    EXPECT_TRUE(books);
    return books ? books->sampler_runs : 0;
  };
  use_cpu(0.3);
  EXPECT_EQ(taken(), 0U);
  probe->begin();
  for (int i = 0; taken() == 0 && i < 100; ++i) use_cpu(0.1);
  EXPECT_GT(taken(), 0U);
}

INSTANTIATE_TEST_SUITE_P(By, BeginTest, ::testing::Bool(),
                         [](const auto& ticks) { return ticks.param ? "Ticks" : "Events"; });

}  // namespace
}  // namespace hostlens::testing
