// SPDX-License-Identifier: Apache-2.0
// Sampled stacks of programs without frame pointers equal those that their source says.
#include "bpf/profiled.h"

#include <cstdio>
#include <functional>

namespace hostlens::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kSamples = 600;

using Names = std::vector<std::string>;

class ProfileTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { profiled_ = Profiled::open(997, false, why_not_); }
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
    {"SignalHandler", "profiled_chains", "signal",
     {"spin", "handler", "raiser", "raise_on", "main"}},
    {"SignalHandlerOnItsOwnStack", "profiled_chains", "signal_stack",
     {"spin", "handler", "raiser", "raise_on", "main"}},
    {"LoadedLibrary", "profiled_chains", "library", {"spin", "with_library", "main"}},
    {"ForkedChild", "profiled_chains", "fork",
     {"spin", "third", "second", "first", "in_child", "main"}},
    {"Executed", "profiled_chains", "exec", {"spin", "third", "second", "first", "main"}},
    {"SystemCalls", "profiled_chains", "system_calls", {"in_system_calls", "main"}},
    {"LinkageTable", "profiled_chains", "linkage_table", {"in_linkage_table", "main"}},
    {"FrameOfUnknownSize", "profiled_chains", "room", {"spin", "with_room", "main"}},
};

class ChainTest : public ProfileTest, public ::testing::WithParamInterface<ChainCase> {
 protected:
  /// Whether the stack is the chain: it may also be at its way there, in a function that spin or the
  /// loop calls, and a program's first function has no name in every libc.
  static bool fits(Names names, const ChainCase& chain) {
    while (!names.empty() && (names.back() == "_start" || names.back().empty())) names.pop_back();
    Names wanted = chain.names;
    if (chain.truncated) wanted.pop_back();
    if (std::string(chain.program) == "profiled_static") {
      // The C library's functions are the program's own there.
      const auto end = std::find(names.begin(), names.end(), "main");
      if (end != names.end()) names.erase(end + 1, names.end());
    }
    if (names == wanted) return true;
    if (names.size() < wanted.size()) return false;
    return std::equal(wanted.rbegin(), wanted.rend(), names.rbegin());
  }
};

TEST_P(ChainTest, IsSampledAsItsSourceSays) {
  const ChainCase& chain = GetParam();
  const std::string path = profiled_program(chain.program);
  auto child = profiled_->start({path, chain.chain, profiled_program("libprofiled_library.so")});
  profiled_->settle(static_cast<uint32_t>(child.pid));
  profiled_->clear();
  child.go();
  profiled_->serve_until(kSamples, 20 * kSecond);
  child.end();
  profiled_->serve();
  size_t good = 0;
  size_t complete = 0;
  std::string others;
  for (const auto& sample : profiled_->samples()) {
    const profile_outcome wanted = chain.truncated ? PROFILE_TRUNCATED : PROFILE_COMPLETE;
    const bool whole = sample.outcome == wanted || sample.outcome == PROFILE_EXITING ||
                       (chain.truncated && sample.outcome == PROFILE_COMPLETE);
    const bool right = fits(profiled_->names(sample, path), chain);
    complete += whole ? 1 : 0;
    good += whole && right ? 1 : 0;
    if ((!whole || !right) && others.size() < 1500) {
      others += "\n  " + profiled_->describe(sample) + " =";
      for (const std::string& name : profiled_->names(sample, path)) others += " " + name;
    }
  }
  const size_t count = profiled_->samples().size();
  const double share = count == 0 ? 0 : 100.0 * static_cast<double>(complete) / count;
  std::printf("  %s: %zu samples, %.2f%% complete, %zu as the source says%s\n", chain.name, count,
              share, good, others.c_str());
  EXPECT_GE(count, kSamples);
  EXPECT_GE(share, 99.5);
  // A sample in the loader, or before the chain begins, is none of the chain.
  EXPECT_GE(good * 1000, count * 990);
}

INSTANTIATE_TEST_SUITE_P(Known, ChainTest, ::testing::ValuesIn(kChains),
                         [](const auto& chain) { return chain.param.name; });

}  // namespace
}  // namespace hostlens::testing
