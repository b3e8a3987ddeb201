// SPDX-License-Identifier: Apache-2.0
// The unwinder's tables follow processes: exec, fork and exit, libraries, the limit on memory; and
// what a sample costs.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/stat.h>

#include <cstdio>

#include "bpf/profiled.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

class ProfileTablesTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kTableBytes = 4 << 20;

  static void SetUpTestSuite() { profiled_ = Profiled::open(499, true, why_not_, kTableBytes); }
  static void TearDownTestSuite() { profiled_.reset(); }
  void SetUp() override {
    if (!profiled_) GTEST_SKIP() << why_not_;
    profiled_->clear();
  }

  static Profiled::Child start(const std::string& chain) {
    auto child = profiled_->start({profiled_program("profiled_chains"), chain});
    profiled_->settle(static_cast<uint32_t>(child.pid));
    return child;
  }
  static size_t with_outcome(profile_outcome outcome) {
    const auto& samples = profiled_->samples();
    return static_cast<size_t>(std::count_if(samples.begin(), samples.end(),
                                             [&](const auto& s) { return s.outcome == outcome; }));
  }

  static inline std::unique_ptr<Profiled> profiled_;
  static inline std::string why_not_;
};

TEST_F(ProfileTablesTest, LoadingTakesNoLongTime) {
  std::printf("  loaded and attached in %.0f ms\n",
              static_cast<double>(profiled_->load_ns()) / 1e6);
  EXPECT_LT(profiled_->load_ns(), 30 * kSecond);  // an emulated machine takes its time
}

TEST_F(ProfileTablesTest, TheBooksBalance) {
  const auto before = profiled_->books();
  auto child = start("chain");
  child.go();
  profiled_->serve_until(100, 20 * kSecond);
  child.end();
  uint64_t lost = 0;
  uint64_t outcomes = 0;
  uint64_t sampled = 0;
  // A thread may be sampled once more on its way out, after its parent was told of its end.
  for (int i = 0; i < 1200 && (i == 0 || profiled_->samples().size() + lost != outcomes); ++i) {
    profiled_->serve_once();
    const auto after = profiled_->books();
    lost = after.ring_full - before.ring_full;
    outcomes = 0;
    for (size_t j = 0; j < after.outcomes.size(); ++j) {
      outcomes += after.outcomes[j] - before.outcomes[j];
    }
    sampled = after.samples - before.samples;
  }
  EXPECT_EQ(outcomes, sampled);
  EXPECT_EQ(profiled_->samples().size() + lost, outcomes);
}

TEST_F(ProfileTablesTest, NobodyButTargetsIsSampled) {
  const uint32_t own = static_cast<uint32_t>(::getpid());
  const auto before = profiled_->books();
  const uint64_t end_ns = base::monotonic_now_ns() + kSecond / 5;
  while (base::monotonic_now_ns() < end_ns) {
  }
  const auto after = profiled_->books();
  EXPECT_EQ(after.samples, before.samples) << "no target runs, but " << own << " does";
}

TEST_F(ProfileTablesTest, AnExecIsNoticedAndHasASpaceOfItsOwn) {
  auto child = start("exec");
  const auto pid = static_cast<uint32_t>(child.pid);
  const auto before = profiled_->tables().process(pid);
  ASSERT_TRUE(before);
  profiled_->notices().clear();
  child.go();
  // Others may come first: of who is sampled before its code is known.
  const decoders::ProfileNotice* notice = nullptr;
  const uint64_t end_ns = base::monotonic_now_ns() + 20 * kSecond;
  while (notice == nullptr && base::monotonic_now_ns() < end_ns) {
    profiled_->serve_once();
    const auto exec = std::ranges::find(profiled_->notices(), PROFILE_NOTICE_EXEC,
                                        &decoders::ProfileNotice::reason);
    if (exec != profiled_->notices().end()) notice = &*exec;
  }
  const auto after = profiled_->tables().process(pid);
  ASSERT_TRUE(after);
  EXPECT_NE(after->space, before->space);
  EXPECT_EQ(after->inherited, 0U);
  EXPECT_EQ(after->start_boottime_ns, before->start_boottime_ns);
  ASSERT_NE(notice, nullptr);
  EXPECT_EQ(notice->process.pid, pid);
  EXPECT_EQ(notice->space, after->space);
  child.end();
}

TEST_F(ProfileTablesTest, ASpaceEndsWithItsLastProcess) {
  auto child = start("chain");
  const auto process = profiled_->tables().process(static_cast<uint32_t>(child.pid));
  ASSERT_TRUE(process);
  ASSERT_TRUE(profiled_->tracker().visit(base::monotonic_now_ns()));
  EXPECT_TRUE(profiled_->tables().has_space(process->space));
  EXPECT_NE(profiled_->tracker().places(process->space), nullptr);
  const pid_t pid = child.pid;
  child.go();
  child.end();
  ASSERT_TRUE(profiled_->tracker().visit(base::monotonic_now_ns()));
  EXPECT_FALSE(profiled_->tables().has_space(process->space));
  EXPECT_EQ(profiled_->tracker().places(process->space), nullptr);
  EXPECT_FALSE(profiled_->tables().process(static_cast<uint32_t>(pid)));
}

TEST_F(ProfileTablesTest, ProcessesThatWereThereBeforeAreFound) {
  // The iterator ran before any test did: this process is older.
  const auto own = profiled_->tables().process(static_cast<uint32_t>(::getpid()));
  ASSERT_TRUE(own);
  EXPECT_NE(own->space, 0U);
  EXPECT_FALSE(profiled_->tables().has_space(own->space)) << "nobody wanted its mappings read";
}

/// The executable at the lowest address of a process, as its number: its program. 0: none.
uint32_t program_of(Profiled& profiled, uint32_t pid) {
  const auto process = profiled.tables().process(pid);
  const auto* places = process ? profiled.tracker().places(process->space) : nullptr;
  return places == nullptr || places->empty() ? 0 : places->front().executable;
}

TEST_F(ProfileTablesTest, AFileThatIsWrittenOverIsAnotherOne) {
  char folder[] = "/tmp/hostlens-written.XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/program";
  uint32_t numbers[2];
  for (const bool again : {false, true}) {
    const std::string source = profiled_program(again ? "profiled_static" : "profiled_chains");
    std::ofstream(path, std::ios::binary) << std::ifstream(source, std::ios::binary).rdbuf();
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);  // its inode stays the same
    auto child = profiled_->start({path, "chain"});
    const auto pid = static_cast<uint32_t>(child.pid);
    profiled_->settle(pid);
    numbers[again] = program_of(*profiled_, pid);
    ASSERT_NE(numbers[again], 0U);
    EXPECT_TRUE(profiled_->tables().has_table(numbers[again]));
    profiled_->clear();
    child.go();
    profiled_->serve_until(20, 20 * kSecond);
    EXPECT_GE(with_outcome(PROFILE_COMPLETE), 19U);
    child.end();
  }
  EXPECT_NE(numbers[0], numbers[1]);
  ::unlink(path.c_str());
  ::rmdir(folder);
}

TEST_F(ProfileTablesTest, ProgramsThatNobodyRunsAnyMoreGoWithTheirTablesAndFiles) {
  // Of its own, as their times go on for many minutes and never back.
  std::string why_not;
  const auto profiled = Profiled::open(499, true, why_not, kTableBytes);
  ASSERT_NE(profiled, nullptr) << why_not;
  auto child = profiled->start({profiled_program("profiled_chains"), "chain"});
  const auto pid = static_cast<uint32_t>(child.pid);
  profiled->settle(pid);
  const uint32_t number = program_of(*profiled, pid);
  ASSERT_TRUE(profiled->tables().has_table(number));
  const uint64_t idle_ns = symbols::CodeFileLimits{}.idle_ns;
  ASSERT_TRUE(profiled->tracker().visit(base::monotonic_now_ns() + 2 * idle_ns));
  EXPECT_NE(profiled->tracker().file(number), nullptr) << "it still runs";
  child.go();
  child.end();
  const uint64_t end_ns = base::monotonic_now_ns() + 3 * idle_ns;
  ASSERT_TRUE(profiled->tracker().visit(end_ns));
  ASSERT_TRUE(profiled->tracker().visit(end_ns + idle_ns));
  EXPECT_NE(profiled->tracker().file(number), nullptr) << "it may be started again";
  ASSERT_TRUE(profiled->tracker().visit(end_ns + 2 * idle_ns));
  EXPECT_EQ(profiled->tracker().file(number), nullptr);
  EXPECT_FALSE(profiled->tables().has_table(number));
  EXPECT_GE(profiled->tracker().files().forgotten, 1U);
}

TEST_F(ProfileTablesTest, AForkedChildIsInItsParentsSpace) {
  auto child = start("fork");
  const auto pid = static_cast<uint32_t>(child.pid);
  const auto parent = profiled_->tables().process(pid);
  ASSERT_TRUE(parent);
  child.go();
  uint32_t forked = 0;
  const std::string children =
      "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  for (int i = 0; i < 10000 && forked == 0; ++i) {
    ::usleep(1000);
    std::ifstream(children) >> forked;
  }
  ASSERT_NE(forked, 0U);
  const auto process = profiled_->tables().process(forked);
  ASSERT_TRUE(process);
  EXPECT_EQ(process->inherited, parent->space);
  EXPECT_NE(process->space, parent->space);
  child.end();
}

/// Rows of a program that does not exist.
struct MadeUp {
  explicit MadeUp(uint32_t count)
      : rows(count), pages{{0x40, {0, static_cast<uint16_t>(count), 0}}} {
    for (uint32_t i = 0; i < count; ++i) rows[i].pc_low = static_cast<uint16_t>(i);
  }
  std::vector<unwind_row> rows;
  std::vector<probes::CodePage> pages;
};

TEST_F(ProfileTablesTest, TablesThatNobodySamplesGoWhenTheLimitIsReached) {
  probes::UnwindTables& tables = profiled_->tables();
  const MadeUp made_up(16000);  // 125 KiB
  std::vector<uint32_t> numbers;
  uint64_t now_ns = base::monotonic_now_ns();
  // Twice as much as there is room for.
  for (size_t i = 0; i < 2 * kTableBytes / (made_up.rows.size() * 8); ++i) {
    const auto number = tables.add_executable(now_ns);
    ASSERT_TRUE(number);
    numbers.push_back(*number);
    auto published = tables.publish(*number, made_up.pages, made_up.rows, now_ns);
    for (int tries = 0; !published && tries < 20; ++tries) {
      ASSERT_EQ(published.error().kind, base::Error::Kind::kBusy) << published.error().text();
      now_ns += probes::UnwindSlabs::kGraceNs;  // nothing runs in these
      published = tables.publish(*number, made_up.pages, made_up.rows, now_ns);
    }
    ASSERT_TRUE(published) << published.error().text();
    now_ns += kSecond;
  }
  const auto full = tables.figures();
  EXPECT_LE(full.slab_bytes, kTableBytes);
  EXPECT_GT(full.evictions, numbers.size() / 2 - 8);
  EXPECT_FALSE(tables.has_table(numbers.front()));
  EXPECT_TRUE(tables.has_table(numbers.back()));
  for (const uint32_t number : numbers) tables.remove_executable(number, now_ns);
  now_ns += 2 * probes::UnwindSlabs::kGraceNs;
  ASSERT_TRUE(tables.visit_processes(now_ns, [](uint32_t, const profile_process&) {}));
  now_ns += 2 * probes::UnwindSlabs::kGraceNs;
  ASSERT_TRUE(tables.visit_processes(now_ns, [](uint32_t, const profile_process&) {}));
  EXPECT_LT(tables.figures().slab_bytes, full.slab_bytes) << "memory follows what is kept";
}

TEST_F(ProfileTablesTest, ATableThatWentIsAskedForAndBuiltAgain) {
  auto child = start("chain");
  const auto process = profiled_->tables().process(static_cast<uint32_t>(child.pid));
  ASSERT_TRUE(process);
  const auto* places = profiled_->tracker().places(process->space);
  ASSERT_NE(places, nullptr);
  child.go();
  profiled_->serve_until(20, 20 * kSecond);
  for (const symbols::CodePlace& place : *places) {
    profiled_->tables().withdraw(place.executable, base::monotonic_now_ns());
  }
  profiled_->clear();
  const uint64_t end_ns = base::monotonic_now_ns() + 20 * kSecond;
  while (with_outcome(PROFILE_COMPLETE) < 20 && base::monotonic_now_ns() < end_ns) {
    profiled_->serve_once();
  }
  EXPECT_GE(with_outcome(PROFILE_COMPLETE), 20U);
  const auto& notices = profiled_->notices();
  EXPECT_TRUE(std::any_of(notices.begin(), notices.end(), [](const auto& notice) {
    return notice.reason == PROFILE_NOTICE_TABLE;
  }));
  child.end();
}

TEST_F(ProfileTablesTest, ContradictoryTablesAreRefused) {
  probes::UnwindTables& tables = profiled_->tables();
  const uint64_t now_ns = base::monotonic_now_ns();
  const auto number = tables.add_executable(now_ns);
  ASSERT_TRUE(number);
  const std::vector<unwind_row> rows(10);
  const auto kind = [&](std::vector<probes::CodePage> pages) {
    const auto published = tables.publish(*number, pages, rows, now_ns);
    EXPECT_FALSE(published);
    return published ? base::Error::Kind::kIo : published.error().kind;
  };
  using Kind = base::Error::Kind;
  EXPECT_EQ(kind({}), Kind::kInvalid);
  EXPECT_EQ(kind({{1, {0, 11, 0}}}), Kind::kInvalid);
  EXPECT_EQ(kind({{1, {0xffffffff, 5, 0}}}), Kind::kInvalid);
  EXPECT_EQ(kind({{2, {0, 5, 0}}, {1, {5, 5, 0}}}), Kind::kInvalid);
  EXPECT_EQ(kind({{1, {0, 5, 0}}, {1, {5, 5, 0}}}), Kind::kInvalid);
  EXPECT_EQ(kind({{0, {0, 5, 0}}, {0x10000, {5, 5, 0}}}), Kind::kInvalid);
  EXPECT_FALSE(tables.publish(UNWIND_EXECUTABLES_MAX, std::vector<probes::CodePage>{{1, {0, 5, 0}}},
                              rows, now_ns));
  const auto space = [&](std::vector<unwind_mapping> mappings) {
    return tables.fill_space(~uint64_t{0}, mappings, 0, {}, now_ns).has_value();
  };
  EXPECT_FALSE(space({{2, 1, 0, 0, 0}}));
  EXPECT_FALSE(space({{1, 3, 0, 0, 0}, {2, 4, 0, 0, 0}}));
  EXPECT_FALSE(space({{1, 3, 0, UNWIND_EXECUTABLES_MAX, 0}}));
  EXPECT_FALSE(space(std::vector<unwind_mapping>(UNWIND_MAPPINGS_MAX + 1)));
  tables.remove_executable(*number, now_ns);
}

TEST_F(ProfileTablesTest, ShortLivesAreUnwoundToo) {
  size_t complete = 0;
  size_t count = 0;
  for (int round = 0; round < 40; ++round) {
    auto child = profiled_->start({profiled_program("profiled_chains"), "chain"});
    child.go();
    child.input.reset();  // a loader's work, and one round of the chain
    while (::waitpid(child.pid, nullptr, WNOHANG) == 0) profiled_->serve_once();
  }
  for (int i = 0; i < 2000 && profiled_->waiting() != 0; ++i) profiled_->serve_once();
  for (const auto& sample : profiled_->samples()) {
    ++count;
    complete += sample.outcome == PROFILE_COMPLETE || sample.outcome == PROFILE_EXITING ? 1 : 0;
  }
  std::printf("  %zu of %zu samples of short lives are complete\n", complete, count);
  EXPECT_GT(count, 0U);
  EXPECT_GE(complete * 10, count * 7);
}

TEST_F(ProfileTablesTest, ASampleIsCheap) {
  for (const char* chain : {"chain", "deep", "system_calls"}) {
    auto child = start(chain);
    profiled_->clear();
    child.go();
    // Its processor's caches are its own again after the first of them.
    profiled_->serve_until(100, 20 * kSecond);
    const probes::ProfileBooks before = profiled_->books();
    profiled_->samples().clear();
    profiled_->serve_until(300, 20 * kSecond);
    const probes::ProfileBooks after = profiled_->books();
    child.end();
    size_t frames = 0;
    for (const auto& sample : profiled_->samples()) frames += sample.frames.size();
    const double samples = static_cast<double>(profiled_->samples().size());
    const double ns = static_cast<double>(after.sampler_ns - before.sampler_ns) /
                      static_cast<double>(after.sampler_runs - before.sampler_runs);
    std::printf("  %s: %.1f us for %.1f user frames\n", chain, ns / 1000,
                static_cast<double>(frames) / samples);
    EXPECT_LT(ns, 5'000'000) << "an emulated machine takes its time";
  }
}

}  // namespace
}  // namespace hostlens::testing
