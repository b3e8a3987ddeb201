// SPDX-License-Identifier: Apache-2.0
// The Python frames of sampled threads are those that their program's source says.
#include <filesystem>

#include "bpf/profiled.h"
#include "kernel/process_memory.h"
#include "symbols/python/python_names.h"
#include "symbols/python/python_program.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kSamples = 200;
/// Half a second is enough where the machine is ours.
constexpr uint64_t kPatience = 90 * kSecond;

/// Waits for a byte as the others do, then is at work in two threads for as long as it may.
constexpr const char* kProgram = R"(
import os, sys, threading
def spin():
    while True:
        for number in range(1000):
            pass
def recurse(depth):
    return recurse(depth - 1) if depth else sorted([1, 2], key=lambda number: spin())
def thread():
    recurse(DEPTH)
os.read(0, 1)
threading.Thread(target=thread, daemon=True).start()
os.read(0, 1)
)";

std::string interpreter(std::string& why_not) {
  std::error_code error;
  const std::string path = std::filesystem::canonical("/usr/bin/python3", error).string();
  if (!error && symbols::python_version_of_name(path) != PYTHON_UNKNOWN) return path;
  why_not = error ? "there is no /usr/bin/python3" : path + " is no CPython 3.9 to 3.13";
  return {};
}

class PythonTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { profiled_ = Profiled::open(499, true, why_not_); }
  static void TearDownTestSuite() { profiled_.reset(); }
  void SetUp() override {
    if (!profiled_) GTEST_SKIP() << why_not_;
    path_ = interpreter(why_not_);
    if (path_.empty()) GTEST_SKIP() << why_not_;
    profiled_->clear();
  }
  /// Samples of a program that recurses so deep.
  void sample(int depth) {
    std::string program = kProgram;
    program.replace(program.find("DEPTH"), 5, std::to_string(depth));
    child_ = profiled_->start({path_, "-S", "-E", "-c", program});
    profiled_->settle(static_cast<uint32_t>(child_.pid));
    profiled_->clear();
    child_.go();
    profiled_->serve_until(kSamples, kPatience);
  }
  void TearDown() override {
    if (child_.pid > 0) child_.end();
  }
  [[nodiscard]] std::string name(const decoders::ProfileSample& sample,
                                 const decoders::PythonFrame& frame) {
    const auto named = names_.name(sample.process, sample.version, frame, base::monotonic_now_ns());
    if (named.function == nullptr) return "?";
    return named.function->name.substr(named.function->name.rfind('.') + 1);
  }

  static inline std::unique_ptr<Profiled> profiled_;
  static inline std::string why_not_;
  std::string path_;
  Profiled::Child child_;
  kernel::LocalProcessMemory memory_{[](uint32_t) { return true; },
                                     [](model::ProcessKey) { return true; }};
  symbols::PythonNames names_{memory_};
};

TEST_F(PythonTest, EveryFrameIsThere) {
  constexpr size_t kDepth = 40;
  sample(kDepth);
  size_t whole = 0;
  for (const decoders::ProfileSample& sample : profiled_->samples()) {
    if (sample.python != PYTHON_COMPLETE || sample.python_frames.empty()) continue;
    EXPECT_EQ(sample.version, symbols::python_version_of_name(path_));
    std::vector<std::string> chain;
    size_t entries = 0;
    for (const decoders::PythonFrame& frame : sample.python_frames) {
      entries += frame.is_entry ? 1 : 0;
      if (frame.code != 0) chain.push_back(name(sample, frame));
    }
    if (chain.front() != "spin") continue;  // on the way there
    ++whole;
    // spin, the lambda, recurse 41 times, thread, and three of threading.py.
    ASSERT_EQ(chain.size(), 2 + kDepth + 1 + 1 + 3);
    for (size_t i = 2; i < kDepth + 3; ++i) EXPECT_EQ(chain[i], "recurse");
    EXPECT_EQ(chain[kDepth + 3], "thread");
    // sorted() and the thread's own start are C; before 3.12 a call with *arguments is, before 3.11
    // every call.
    EXPECT_EQ(entries, sample.version >= PYTHON_3_12   ? 2
                       : sample.version == PYTHON_3_11 ? 3
                                                       : chain.size());
  }
  EXPECT_GT(whole, kSamples * 8 / 10);
}

TEST_F(PythonTest, TheLeafOfADeepStackIsKept) {
  sample(300);
  size_t truncated = 0;
  size_t at_work = 0;
  for (const decoders::ProfileSample& sample : profiled_->samples()) {
    if (sample.python != PYTHON_TRUNCATED) continue;
    ++truncated;
    EXPECT_EQ(sample.python_frames.size(), size_t{PYTHON_FRAMES_MAX});
    const std::string leaf = name(sample, sample.python_frames.front());
    at_work += leaf == "spin" ? 1 : 0;
    EXPECT_TRUE(leaf == "spin" || leaf == "<lambda>" || leaf == "recurse") << leaf;  // on the way
    EXPECT_EQ(name(sample, sample.python_frames.back()), "recurse");
  }
  EXPECT_GT(at_work, kSamples / 2);
  EXPECT_GE(profiled_->books().python[PYTHON_TRUNCATED], truncated);
}

TEST_F(PythonTest, AProgramWithoutPythonPaysNothing) {
  const auto before = profiled_->books().python;
  child_ = profiled_->start({profiled_program("profiled_chains"), "chain"});
  profiled_->settle(static_cast<uint32_t>(child_.pid));
  profiled_->clear();
  child_.go();
  profiled_->serve_until(kSamples, kPatience);
  ASSERT_GE(profiled_->samples().size(), kSamples);
  for (const decoders::ProfileSample& sample : profiled_->samples()) {
    EXPECT_EQ(sample.python, PYTHON_NOT_WALKED);
    EXPECT_TRUE(sample.python_frames.empty());
  }
  const auto after = profiled_->books().python;
  EXPECT_GE(after[PYTHON_NOT_WALKED], before[PYTHON_NOT_WALKED] + kSamples);
  for (size_t outcome = 1; outcome < after.size(); ++outcome) {
    EXPECT_EQ(after[outcome], before[outcome]);
  }
}

}  // namespace
}  // namespace hostlens::testing
