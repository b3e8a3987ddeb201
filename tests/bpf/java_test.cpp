// SPDX-License-Identifier: Apache-2.0
// The Java frames of sampled threads are those that their program's source says, by a JVM without
// any flag.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bpf/profiled.h"
#include "symbols/hotspot/java_names.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr ptrdiff_t kSamples = 200;
constexpr uint64_t kPatience = 90 * kSecond;

/// Makes a file, waits for a byte as the others do, then is at work for as long as it may.
constexpr const char* kProgram = R"(
public class Deep {
    static volatile long sink;
    static long spin(int turns) {
        long x = sink;
        for (int i = 0; i < turns; ++i) x = x * 6364136223846793005L + 1442695040888963407L;
        return x;
    }
    static long recurse(int depth) {
        return depth == 0 ? spin(30000) : recurse(depth - 1) + 1;
    }
    public static void main(String[] arguments) throws Exception {
        new java.io.File(arguments[0]).createNewFile();
        System.in.read();
        Thread worker = new Thread(() -> { while (true) sink = recurse(40); });
        worker.setDaemon(true);
        worker.start();
        System.in.read();
    }
}
)";

/// $JAVA_HOME, else any.
std::string machine(std::string& why_not) {
  if (const char* const home = std::getenv("JAVA_HOME")) return std::string(home) + "/bin/java";
  std::error_code error;
  for (const auto& home : std::filesystem::directory_iterator("/usr/lib/jvm", error)) {
    if (std::filesystem::exists(home.path() / "bin/javac", error)) {
      return std::filesystem::canonical(home.path() / "bin/java", error).string();
    }
  }
  why_not = "there is no JDK in /usr/lib/jvm";
  return {};
}

class JavaTest : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() { profiled_ = Profiled::open(499, true, why_not_); }
  static void TearDownTestSuite() { profiled_.reset(); }
  void SetUp() override {
    if (!profiled_) GTEST_SKIP() << why_not_;
    java_ = machine(why_not_);
    if (java_.empty()) GTEST_SKIP() << why_not_;
    char folder[] = "/tmp/hostlens-java.XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
    std::ofstream(folder_ + "/Deep.java") << kProgram;
    profiled_->clear();
  }
  void TearDown() override {
    if (child_.pid > 0) child_.end();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::string name(const decoders::ProfileSample& sample,
                                 const decoders::ProfileFrame& frame) {
    const auto layout = profiled_->tracker().hotspot_layout(sample.process.pid);
    std::vector<model::Frame> frames;
    if (layout == nullptr ||
        !names_.append(sample.process, *layout, frame, base::monotonic_now_ns(), frames)) {
      return "?";
    }
    return frames.back().function->name;
  }

  static inline std::unique_ptr<Profiled> profiled_;
  static inline std::string why_not_;
  std::string java_;
  std::string folder_;
  Profiled::Child child_;
  kernel::LocalProcessMemory memory_{[](uint32_t) { return true; },
                                     [](model::ProcessKey) { return true; }};
  symbols::JavaNames names_{memory_};
};

TEST_P(JavaTest, StacksAreWholeAndEveryMethodIsThere) {
  const std::string ready = folder_ + "/ready";
  child_ = profiled_->start({java_, "-Xmx128m", GetParam(), folder_ + "/Deep.java", ready});
  const auto is_known = [&] {
    return std::filesystem::exists(ready) &&
           profiled_->tracker().hotspot_layout(static_cast<uint32_t>(child_.pid)) != nullptr &&
           profiled_->tracker().waiting() == 0;
  };
  const uint64_t end_ns = base::monotonic_now_ns() + kPatience;
  while (!is_known() && base::monotonic_now_ns() < end_ns) profiled_->serve_once();
  ASSERT_TRUE(is_known());
  profiled_->clear();
  child_.go();
  // The machine's own threads, which compile and collect, are sampled too.
  const auto in_java = [](const decoders::ProfileSample& sample) {
    return std::ranges::any_of(sample.frames, [](const decoders::ProfileFrame& frame) {
      return frame.kind == PROFILE_FRAME_JAVA;
    });
  };
  const uint64_t sampled_ns = base::monotonic_now_ns() + kPatience;
  while (std::ranges::count_if(profiled_->samples(), in_java) < kSamples &&
         base::monotonic_now_ns() < sampled_ns) {
    profiled_->serve_once();
  }
  size_t at_work = 0;
  size_t whole = 0;
  size_t right = 0;
  for (const decoders::ProfileSample& sample : profiled_->samples()) {
    std::vector<std::string> chain;  // of the outermost methods, where some were inlined
    size_t java = 0;
    for (const decoders::ProfileFrame& frame : sample.frames) {
      if (frame.kind != PROFILE_FRAME_JAVA) continue;
      ++java;
      const std::string method = name(sample, frame);
      if (method.starts_with("Deep.")) chain.push_back(method);
    }
    if (chain.empty()) continue;
    ++at_work;
    whole += sample.outcome == PROFILE_COMPLETE ? 1 : 0;
    // The other one starts the first.
    right += chain.back() == "Deep.lambda$main$0" || chain.back() == "Deep.main" ? 1 : 0;
    if (sample.outcome != PROFILE_COMPLETE)
      std::printf("  %s\n", profiled_->describe(sample).c_str());
  }
  std::printf("  %zu samples in Java, %zu whole, %zu down to the thread's first method\n", at_work,
              whole, right);
  EXPECT_GT(at_work, size_t{kSamples} * 8 / 10);
  EXPECT_GE(whole * 1000, at_work * 995);
  EXPECT_GE(right * 1000, at_work * 995);
}

INSTANTIATE_TEST_SUITE_P(Modes, JavaTest, ::testing::Values("-XX:+TieredCompilation", "-Xint"),
                         [](const auto& tested) {
                           return std::string(tested.param) == "-Xint" ? "Interpreted" : "Mixed";
                         });

}  // namespace
}  // namespace hostlens::testing
