// SPDX-License-Identifier: Apache-2.0
// The JavaScript functions of sampled threads are those that their program's source says.
#include <algorithm>
#include <filesystem>

#include "bpf/profiled.h"
#include "kernel/process_memory.h"
#include "symbols/v8/v8_names.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kSamples = 200;
constexpr uint64_t kPatience = 90 * kSecond;
constexpr const char* kNode = "/usr/bin/node";

/// Waits for a byte as the others do, then is at work for as long as its input is open.
constexpr const char* kProgram = R"(
const fs = require('fs');
const one = Buffer.alloc(1);
function spin() {
  let total = 0;
  for (;;) for (let number = 0; number < 1000; ++number) total = (total * 31 + number) | 0;
}
function recurse(depth) { return depth > 0 ? recurse(depth - 1) + 1 : [1].map(() => spin()); }
fs.readSync(0, one, 0, 1, null);
recurse(DEPTH);
)";

class V8Test : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { profiled_ = Profiled::open(499, true, why_not_); }
  static void TearDownTestSuite() { profiled_.reset(); }
  void SetUp() override {
    if (!profiled_) GTEST_SKIP() << why_not_;
    if (!std::filesystem::exists(kNode)) GTEST_SKIP() << "there is no " << kNode;
    profiled_->clear();
  }
  void sample(int depth) {
    std::string program = kProgram;
    program.replace(program.find("DEPTH"), 5, std::to_string(depth));
    child_ = profiled_->start({kNode, "-e", program});
    profiled_->settle(static_cast<uint32_t>(child_.pid));
    profiled_->clear();
    child_.go();
    profiled_->serve_until(kSamples, kPatience);
  }
  void TearDown() override {
    if (child_.pid <= 0) return;
    ::kill(child_.pid, SIGKILL);  // it never ends
    child_.end();
  }
  /// Names of the sample's functions, leaf first.
  std::vector<std::string> chain(const decoders::ProfileSample& sample) {
    const auto layout = profiled_->tracker().v8_in(static_cast<uint32_t>(child_.pid));
    EXPECT_NE(layout, nullptr);
    std::vector<std::string> names;
    for (const decoders::V8Frame& frame : sample.v8_frames) {
      if (layout == nullptr || frame.type != 0) continue;
      const auto& named = names_.name(sample.process, *layout, frame, base::monotonic_now_ns());
      names.push_back(named.function == nullptr ? "?" : named.function->name);
    }
    return names;
  }

  static inline std::unique_ptr<Profiled> profiled_;
  static inline std::string why_not_;
  Profiled::Child child_;
  kernel::LocalProcessMemory memory_{[](uint32_t) { return true; },
                                     [](model::ProcessKey) { return true; }};
  symbols::V8Names names_{memory_};
};

TEST_F(V8Test, EveryFunctionIsThere) {
  constexpr size_t kDepth = 40;
  sample(kDepth);
  size_t whole = 0;
  size_t right = 0;
  for (const decoders::ProfileSample& sample : profiled_->samples()) {
    const auto names = chain(sample);
    if (names.empty() || names.front() != "spin") continue;  // on the way there
    ++whole;
    // spin, the arrow, map, recurse 41 times, and the module.
    std::vector<std::string> expected(3 + kDepth + 1, "recurse");
    expected[0] = "spin";
    expected[1] = "(anonymous)";
    expected[2] = "map";
    right += names.size() > expected.size() &&
                     std::equal(expected.begin(), expected.end(), names.begin())
                 ? 1
                 : 0;
  }
  std::printf("  %zu of %zu stacks have every function\n", right, whole);
  EXPECT_GT(whole, kSamples * 8 / 10);
  // A young function may be moved by the collector before it is looked up.
  EXPECT_GE(right * 100, whole * 99);
}

TEST_F(V8Test, EachFrameOfADeepStackHasItsFunction) {
  sample(400);
  size_t truncated = 0;
  size_t right = 0;
  for (const decoders::ProfileSample& sample : profiled_->samples()) {
    const auto names = chain(sample);
    // V8 itself may be at work for spin: it compiles it.
    if (sample.outcome != PROFILE_TRUNCATED || names.empty() || names.front() != "spin" ||
        sample.v8_frames.front().frame != 0) {
      continue;
    }
    ++truncated;
    // A loop may be in a builtin of V8, whose frame is of a type and has no function.
    const auto typed = static_cast<size_t>(
        std::ranges::count_if(sample.v8_frames, [](const auto& frame) { return frame.type != 0; }));
    const bool is_right = sample.v8_frames.size() == sample.frames.size() && typed <= 1 &&
                          names.size() + typed == size_t{UNWIND_FRAMES_MAX} &&
                          names.back() == "recurse";
    right += is_right ? 1 : 0;
    if (is_right) continue;
    std::printf("  %zu frames, %zu of JavaScript, %zu functions to %s: %s\n", sample.frames.size(),
                sample.v8_frames.size(), names.size(), names.back().c_str(),
                profiled_->describe(sample).c_str());
  }
  std::printf("  %zu of %zu stacks have a function for each frame\n", right, truncated);
  EXPECT_GT(truncated, kSamples / 2);
  EXPECT_GE(right * 100, truncated * 99);
}

TEST_F(V8Test, AProgramWithoutV8HasNoFramesOfIt) {
  child_ = profiled_->start({profiled_program("profiled_chains"), "chain"});
  profiled_->settle(static_cast<uint32_t>(child_.pid));
  profiled_->clear();
  child_.go();
  profiled_->serve_until(kSamples, kPatience);
  ASSERT_GE(profiled_->samples().size(), kSamples);
  for (const decoders::ProfileSample& sample : profiled_->samples()) {
    EXPECT_TRUE(sample.v8_frames.empty());
  }
}

}  // namespace
}  // namespace hostlens::testing
