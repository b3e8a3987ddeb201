// SPDX-License-Identifier: Apache-2.0
// Where nobody may open perf events, samples are taken by the CPUs' ticks: as many, of the same
// stacks.
#include <ctime>
#include <sstream>

#include "bpf/profiled.h"
#include "kernel/sampling_event.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kHz = 97;

/// The kernel's functions by address; empty where it does not tell.
std::map<uint64_t, std::string> kernel_functions() {
  std::map<uint64_t, std::string> functions;
  std::ifstream file("/proc/kallsyms");
  for (std::string address, type, name, line; std::getline(file, line);) {
    std::istringstream(line) >> address >> type >> name;
    if (type == "t" || type == "T") functions[std::stoull(address, nullptr, 16)] = name;
  }
  return functions.size() > 1 ? functions : std::map<uint64_t, std::string>{};
}

/// Its host is late now and then, and then it loses ticks.
bool is_emulated() {
  std::ifstream file("/proc/cpuinfo");
  return std::string(std::istreambuf_iterator<char>(file), {}).find("QEMU") != std::string::npos;
}

class TickTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { profiled_ = Profiled::open(kHz, false, why_not_, 64 << 20, true); }
  static void TearDownTestSuite() { profiled_.reset(); }
  void SetUp() override {
    if (!profiled_) GTEST_SKIP() << why_not_;
  }
  /// Samples of the program from where it is let go.
  static const std::vector<decoders::ProfileSample>& samples_of(const char* chain, size_t count) {
    const std::string path = profiled_program("profiled_chains");
    auto child = profiled_->start({path, chain});
    profiled_->settle(static_cast<uint32_t>(child.pid));
    profiled_->clear();
    const double before = cpu_seconds(child.pid);
    child.go();
    profiled_->serve_until(count, 60 * kSecond);
    spent_ = cpu_seconds(child.pid) - before;
    child.end();
    profiled_->serve();
    return profiled_->samples();
  }
  static double cpu_seconds(pid_t pid) {
    clockid_t clock = 0;
    timespec time{};
    EXPECT_EQ(::clock_getcpuclockid(pid, &clock), 0);
    EXPECT_EQ(::clock_gettime(clock, &time), 0);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }

  static inline std::unique_ptr<Profiled> profiled_;
  static inline std::string why_not_;
  static inline double spent_ = 0;  ///< CPU time of the program meanwhile
};

TEST_F(TickTest, ItIsKnownWhatSamplesAreTakenBy) {
  EXPECT_EQ(profiled_->probe().clock(), kernel::SamplingClock::kTicks);
  EXPECT_EQ(kernel::to_string(profiled_->probe().clock()), "ticks");
}

TEST_F(TickTest, ABusyProgramIsSampledAsOftenAsAsked) {
  const auto samples = static_cast<double>(samples_of("chain", 300).size());
  std::printf("  %.0f samples in %.2f s of CPU\n", samples, spent_);
  EXPECT_LE(samples / spent_, 1.1 * kHz);
  EXPECT_GE(samples / spent_, (is_emulated() ? 0.3 : 0.9) * kHz);
}

TEST_F(TickTest, StacksAreThoseOfTheProgramAlone) {
  const auto functions = kernel_functions();
  if (functions.empty()) GTEST_SKIP() << "/proc/kallsyms has no addresses";
  const auto name_of = [&](uint64_t address) {
    const auto next = functions.upper_bound(address);
    return next == functions.begin() ? std::string() : std::prev(next)->second;
  };
  const std::string path = profiled_program("profiled_chains");
  size_t in_kernel = 0;
  size_t from_system_call = 0;
  size_t whole = 0;
  const auto& samples = samples_of("system_calls", 300);
  ASSERT_GE(samples.size(), 300U);
  for (const auto& sample : samples) {
    const auto names = profiled_->names(sample, path);
    const bool has_main = std::find(names.begin(), names.end(), "main") != names.end();
    whole += sample.outcome == PROFILE_COMPLETE && has_main ? 1 : 0;
    if (sample.kernel_frames.empty()) continue;
    ++in_kernel;
    // What an interrupt has left to be done at its end is interrupted as well: further up there
    // may be one more.
    const std::string leaf = name_of(sample.kernel_frames.front());
    for (const char* own : {"hrtimer", "sysvec_apic", "bpf"}) {
      EXPECT_EQ(leaf.find(own), std::string::npos) << leaf << ": " << profiled_->describe(sample);
    }
    const std::string root = name_of(sample.kernel_frames.back());
    from_system_call += root.find("entry_SYSCALL") != std::string::npos ? 1 : 0;
  }
  std::printf("  %zu samples, %zu in the kernel, %zu of these from a system call, %zu whole\n",
              samples.size(), in_kernel, from_system_call, whole);
  EXPECT_GE(whole * 100, samples.size() * 99);
  EXPECT_GE(in_kernel * 4, samples.size());
  EXPECT_GE(from_system_call * 100, in_kernel * 90);
}

TEST(TickRefusalTest, MoreSamplesThanTicksAreRefused) {
  std::string why_not;
  const uint32_t ticks = kernel::ticks_per_second();
  ASSERT_GT(ticks, 0U);
  if (ticks >= kernel::SamplingEvents::kMostHz) GTEST_SKIP() << "every tick is not too many here";
  EXPECT_EQ(Profiled::open(ticks + 1, false, why_not, 64 << 20, true), nullptr);
  EXPECT_NE(why_not.find(std::to_string(ticks) + " ticks"), std::string::npos) << why_not;
}

}  // namespace
}  // namespace hostlens::testing
