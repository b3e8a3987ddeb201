// SPDX-License-Identifier: Apache-2.0
// libdw judges every row of the libraries and programs of this machine.
#include <fcntl.h>
#include <glob.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "unit/symbols/names/commands.h"
#include "unwind_oracle/libdw_oracle.h"

namespace hostlens::symbols {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

/// The first that exists, links followed; empty without one. Patterns are glob(7)'s, with ~.
std::string first_of(const std::vector<const char*>& patterns) {
  for (const char* pattern : patterns) {
    glob_t found{};
    std::string real;
    if (::glob(pattern, GLOB_TILDE, nullptr, &found) == 0) {
      std::error_code error;
      real = std::filesystem::canonical(found.gl_pathv[0], error).string();
    }
    ::globfree(&found);
    if (!real.empty()) return real;
  }
  return {};
}

constexpr uint64_t kFewest = 200;  // intervals, so that nothing passes for want of rows

void expect_agreement(const tests::OracleReport& report, uint64_t fewest) {
  EXPECT_EQ(report.error, "");
  EXPECT_EQ(report.mismatches, 0U) << joined(report.first_mismatches);
  EXPECT_GE(report.intervals, fewest);
  // setcontext and longjmp; Go's debug calls with frames of a gibibyte.
  EXPECT_LE(report.invalid, 4 + report.intervals / 2000);
  EXPECT_LE(report.lost_registers, 4 + report.intervals / 2000);
}

struct File {
  const char* name;
  std::vector<const char*> paths;
};

/// `judged`: where libdw finds its rules.
void expect_agreement_on(const std::string& path, const std::string& judged,
                         const tests::OracleExemptions& exemptions = {}) {
  const auto source = FileSource::open(base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  ASSERT_TRUE(source) << path;
  const auto view = ElfView::open(*source);
  ASSERT_TRUE(view) << path;
  const auto table = build_unwind_table(*view);
  ASSERT_TRUE(table) << path;
  EXPECT_EQ(table->statistics.broken, 0U);
  EXPECT_FALSE(table->statistics.limit_reached);
  const auto report =
      tests::compare_with_libdw(judged, *table, view->executable_segments(), exemptions);
  std::printf("  %s: %zu rows, %lu comparisons, %lu different, %lu invalid, %lu lost registers\n",
              path.c_str(), table->rows.size(), report.compared, report.mismatches, report.invalid,
              report.lost_registers);
  expect_agreement(report, kFewest);
}

class LibdwOracleTest : public testing::TestWithParam<File> {};

TEST_P(LibdwOracleTest, AgreesOnEveryRow) {
  const std::string path = first_of(GetParam().paths);
  if (path.empty()) GTEST_SKIP() << GetParam().name << " is not on this machine";
  expect_agreement_on(path, path);
}

/// Go's own programs have no DWARF any more: one that is built here has. Stripped, it has the same
/// rows, by the table of its runtime. DWARF says nothing of rbp there, and of the functions that go
/// to another stack (go_stack_switches.h) what is not so: these are judged by live stacks.
TEST(GoOracleTest, AgreesOnEveryRowWithAndWithoutDwarf) {
  const Folder folder;
  const std::string plain = folder.path("plain");
  const std::string stripped = folder.path("stripped");
  const std::string source = FIXTURES "/../bench/unwind/programs/work.go";
  if (!runs("go build -o " + plain + ' ' + source)) GTEST_SKIP() << "no go that builds a program";
  ASSERT_TRUE(runs("strip -s -o " + stripped + ' ' + plain));
  std::vector<std::pair<uint64_t, uint64_t>> switches;
  for (const std::string& line :
       lines_of("nm -S --defined-only " + plain +
                " | awk '$4 ~ /^runtime[.](systemstack|asmcgocall|mcall|morestack|mstart|"
                "sigreturn__sigaction)([.]abi0)?$/ { print $1, $2 }'")) {
    const uint64_t begin = std::stoull(line.substr(0, 16), nullptr, 16);
    switches.emplace_back(begin, begin + std::stoull(line.substr(17), nullptr, 16));
  }
  EXPECT_GE(switches.size(), 6U);
  const tests::OracleExemptions exemptions{
      .rbp = true, .rows = [&switches](uint64_t address) {
        return std::ranges::any_of(switches, [address](const auto& range) {
          return address >= range.first && address < range.second;
        });
      }};
  for (const std::string& path : {plain, stripped}) expect_agreement_on(path, plain, exemptions);
}

#define LIBRARY(name) "/usr/lib/x86_64-linux-gnu/" name, "/usr/lib64/" name
/// Those that take libdw many seconds only when everything is wanted (tests/run.sh --all).
std::vector<File> files() {
  std::vector<File> files = {
      {"libc", {LIBRARY("libc.so.6")}},
      {"libstdcxx", {LIBRARY("libstdc++.so.6")}},
      {"libcrypto", {LIBRARY("libcrypto.so.3")}},
      {"loader", {"/lib64/ld-linux-x86-64.so.2"}},
      {"libgcc", {LIBRARY("libgcc_s.so.1")}},
      {"libm", {LIBRARY("libm.so.6")}},
      {"libpython", {LIBRARY("libpython3.11.so.1.0")}},
      {"python", {"/usr/bin/python3"}},
      {"bash", {"/bin/bash"}},
      {"nginx", {"/usr/sbin/nginx"}},
      {"this_program", {"/proc/self/exe"}},
  };
  if (std::getenv("HOSTLENS_EVERY") == nullptr) return files;
  const std::vector<File> large = {
      {"node", {"/usr/bin/node", "/usr/local/bin/node"}},
      {"libLLVM", {LIBRARY("libLLVM-*.so.1"), "/usr/lib/llvm-*/lib/libLLVM-*.so.1"}},
      {"libjvm", {"/usr/lib/jvm/java-*-openjdk-*/lib/server/libjvm.so"}},
      {"newer_libjvm", {"/usr/lib/jvm/temurin-*/lib/server/libjvm.so"}},
      {"rust", {"~/.rustup/toolchains/*/bin/cargo", "/usr/bin/cargo"}},
      {"rust_compiler",
       {"~/.rustup/toolchains/*/lib/librustc_driver-*.so", LIBRARY("librustc_driver-*.so")}},
      {"postgres", {"/usr/lib/postgresql/*/bin/postgres"}},
      {"redis", {"/usr/bin/redis-server"}},
  };
  files.insert(files.end(), large.begin(), large.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, LibdwOracleTest, testing::ValuesIn(files()),
                         [](const testing::TestParamInfo<File>& tested) {
                           return std::string(tested.param.name);
                         });

/// The kernel's own, as it is mapped here: its size is that of the mapping.
std::vector<char> vdso_image() {
  const uint64_t begin = ::getauxval(AT_SYSINFO_EHDR);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("[vdso]") == std::string::npos) continue;
    const uint64_t end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    const auto* bytes = reinterpret_cast<const char*>(begin);  // NOLINT: an address from the kernel
    return {bytes, bytes + (end - begin)};
  }
  return {};
}

TEST(VdsoOracleTest, AgreesOnEveryRow) {
  const std::vector<char> image = vdso_image();
  if (image.empty()) GTEST_SKIP() << "this process has no vDSO";
  std::vector<std::byte> bytes(image.size());
  std::memcpy(bytes.data(), image.data(), image.size());
  const auto view = ElfView::open(std::make_shared<MemorySource>(std::move(bytes)));
  ASSERT_TRUE(view);
  EXPECT_NE(view->build_id(), "");
  const auto table = build_unwind_table(*view);
  ASSERT_TRUE(table);
  expect_agreement(tests::compare_with_libdw(image, *table, view->executable_segments()), 10);
}

TEST(OracleTest, NoticesAWrongRow) {
  const std::string path = first_of({"/lib64/ld-linux-x86-64.so.2"});
  const auto source = FileSource::open(base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  ASSERT_TRUE(source);
  const auto view = ElfView::open(*source);
  ASSERT_TRUE(view);
  auto table = build_unwind_table(*view);
  ASSERT_TRUE(table);
  const auto changed = std::ranges::find_if(table->rows, [](const unwind_row& row) {
    return row.cfa_kind == UNWIND_CFA_RSP && row.cfa_offset == 2;
  });
  ASSERT_NE(changed, table->rows.end());
  changed->cfa_offset = 3;
  EXPECT_GE(tests::compare_with_libdw(path, *table, view->executable_segments()).mismatches, 1U);
}

}  // namespace
}  // namespace hostlens::symbols
