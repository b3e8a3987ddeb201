// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/function_shares.h"

#include <gtest/gtest.h>

#include <string_view>

#include "exporters/profile/folded.h"

namespace hostlens::exporters::profile {
namespace {

void expect_table(std::string_view folded, size_t most_rows, std::string_view table) {
  const auto profile = read_folded(folded);
  ASSERT_TRUE(profile);
  EXPECT_EQ(function_table(*profile, most_rows), table);
}

TEST(FunctionTableTest, OfEqualOnesWhatIsCalledStandsBeforeItsCaller) {
  expect_table("t;a;b;c;leaf 10\n", 3,
               "   self%   total%  function\n"
               "  100.00   100.00  leaf\n"
               "    0.00   100.00  c\n"
               "    0.00   100.00  b\n"
               "and 1 more\n");
}

TEST(FunctionTableTest, SelfCountsBeforeTotal) {
  expect_table("t;main;small 1\nt;main;large 3\n", 20,
               "   self%   total%  function\n"
               "   75.00    75.00  large\n"
               "   25.00    25.00  small\n"
               "    0.00   100.00  main\n");
}

TEST(FunctionTableTest, KernelFunctionsThatOnlyCallOthersComeLast) {
  expect_table("t;main;wait;enter_[k];schedule_[k];[lock] 3000\nt;main;spin 1000\n", 4,
               "   self%   total%  function\n"
               "   75.00    75.00  schedule_[k]\n"
               "   25.00    25.00  spin\n"
               "    0.00   100.00  main\n"
               "    0.00    75.00  wait\n"
               "and 1 more\n");
}

}  // namespace
}  // namespace hostlens::exporters::profile
