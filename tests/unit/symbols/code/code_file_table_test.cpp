// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/code_file_table.h"

#include <gtest/gtest.h>

namespace hostlens::symbols {
namespace {

TEST(CodeFileTableTest, ExecutablesLeaveHalfOfTheDescriptorsToOthers) {
  EXPECT_EQ(executables_within(2048, 1024), 512U);
  EXPECT_EQ(executables_within(2048, 20'000), 2048U);
  EXPECT_EQ(executables_within(2048, UINT64_MAX), 2048U);
  EXPECT_EQ(executables_within(2048, 0), 0U);
}

}  // namespace
}  // namespace hostlens::symbols
