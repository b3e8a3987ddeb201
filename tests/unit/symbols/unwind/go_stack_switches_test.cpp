// SPDX-License-Identifier: Apache-2.0
// Rows of those functions of Go's runtime that change the stack, in a program that go builds, with
// its symbols and without.
#include "symbols/unwind/go_stack_switches.h"

#include <gtest/gtest.h>

#include "symbols/unwind/unwind_table.h"
#include "unit/symbols/names/commands.h"

namespace hostlens::symbols {
namespace {

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// By nm, of functions of assembly: whatever follows their name is which ABI they have.
Range range_of(const std::string& program, const std::string& function) {
  for (const std::string& line : lines_of("nm -S --defined-only " + program)) {
    const size_t name = line.rfind(' ') + 1;
    if (line.compare(name, std::string::npos, function) != 0 &&
        line.compare(name, std::string::npos, function + ".abi0") != 0) {
      continue;
    }
    const uint64_t begin = std::stoull(line.substr(0, 16), nullptr, 16);
    return {begin, begin + std::stoull(line.substr(17, 16), nullptr, 16)};
  }
  ADD_FAILURE() << "nm has no " << function;
  return {};
}

bool has_row(const UnwindTable& table, const Range& range, unwind_cfa_kind kind) {
  for (uint64_t at = range.begin; at < range.end; ++at) {
    const unwind_row* const row = find_row(table, at);
    if (row != nullptr && row->cfa_kind == kind) return true;
  }
  return false;
}

class GoStackSwitchesTest : public testing::TestWithParam<bool> {};

TEST_P(GoStackSwitchesTest, LeadToWhereTheStackGoesOn) {
  const Folder folder;
  const std::string plain = folder.path("plain");
  if (!runs("go build -o " + plain + ' ' + FIXTURES "/../bench/unwind/programs/work.go")) {
    GTEST_SKIP() << "no go that builds a program";
  }
  const std::string judged = GetParam() ? folder.path("stripped") : plain;
  if (GetParam()) {
    ASSERT_TRUE(runs("strip -s -o " + judged + ' ' + plain));
  }
  const auto elf = open_elf(judged);
  ASSERT_TRUE(elf);
  const auto table = build_unwind_table(*elf);
  ASSERT_TRUE(table);

  const Range systemstack = range_of(plain, "runtime.systemstack");
  EXPECT_TRUE(has_row(*table, systemstack, UNWIND_CFA_RBP_ELSEWHERE));
  EXPECT_EQ(find_row(*table, systemstack.begin)->cfa_kind, UNWIND_CFA_RSP)
      << "nothing has changed yet";
  EXPECT_TRUE(has_row(*table, range_of(plain, "runtime.mstart"), UNWIND_CFA_STOP));
  for (const char* const name : {"runtime.mcall", "runtime.morestack"}) {
    // Where it calls: above what it has pushed is the frame of mstart0, 16 bytes at least.
    const Range range = range_of(plain, name);
    uint16_t greatest = 0;
    for (uint64_t at = range.begin; at < range.end; ++at) {
      greatest = std::max(greatest, find_row(*table, at)->cfa_offset);
    }
    EXPECT_GE(greatest, 3U) << name;
  }
  const auto lines = lines_of("nm --defined-only " + plain + " | grep -c sigreturn__sigaction");
  const Range sigreturn =
      range_of(plain, !lines.empty() && lines[0] != "0" ? "runtime.sigreturn__sigaction"
                                                        : "runtime.sigreturn");
  for (const uint64_t at : {sigreturn.begin - 1, sigreturn.begin, sigreturn.end - 1}) {
    EXPECT_EQ(find_row(*table, at)->cfa_kind, UNWIND_CFA_SIGNAL) << at - sigreturn.begin;
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, GoStackSwitchesTest, testing::Bool(), [](const auto& each) {
  return std::string(each.param ? "Stripped" : "WithSymbols");
});

}  // namespace
}  // namespace hostlens::symbols
