// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/diff_table.h"

#include <gtest/gtest.h>

#include "exporters/profile/folded.h"
#include "unit/exporters/profile/golden.h"
#include "unit/exporters/profile/scene.h"

namespace hostlens::exporters::profile {
namespace {

std::vector<DiffRow> rows_of(const char* before, const char* after) {
  const auto first = read_folded(before);
  const auto second = read_folded(after);
  EXPECT_TRUE(first && second);
  const auto rows = diff_functions(*first, *second);
  EXPECT_TRUE(rows);
  return *rows;
}

TEST(DiffTableTest, SharesComparesRecordingsOfDifferentLength) {
  const auto rows = rows_of("t;main;a 50\nt;main;b 50\n", "t;main;a 750\nt;main;b 250\n");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].function, "a");
  EXPECT_DOUBLE_EQ(rows[0].self[0], 0.5);
  EXPECT_DOUBLE_EQ(rows[0].self[1], 0.75);
  EXPECT_DOUBLE_EQ(rows[0].self_delta(), 0.25);
  EXPECT_EQ(rows[1].function, "b");
  EXPECT_DOUBLE_EQ(rows[1].self_delta(), -0.25);
  EXPECT_EQ(rows[2].function, "main");
  EXPECT_DOUBLE_EQ(rows[2].total[0], 1);
  EXPECT_DOUBLE_EQ(rows[2].self[0], 0);
}

TEST(DiffTableTest, ARecursiveFunctionCountsOncePerStack) {
  const auto rows = rows_of("t;f;f;f;leaf 10\nt;f 10\n", "t;f;f 1\n");
  for (const DiffRow& row : rows) {
    if (row.function != "f") continue;
    EXPECT_DOUBLE_EQ(row.total[0], 1);
    EXPECT_DOUBLE_EQ(row.total[1], 1);
    EXPECT_DOUBLE_EQ(row.self[0], 0.5);
  }
}

TEST(DiffTableTest, OffCpuTheFrameBelowTheCauseIsTheLeaf) {
  const auto rows =
      rows_of("t;main;read;[disk] 10\n", "t;main;read;[disk] 5\nt;main;lock;[lock] 5\n");
  EXPECT_EQ(rows[0].function, "lock");
  EXPECT_DOUBLE_EQ(rows[0].self[1], 0.5);
  for (const DiffRow& row : rows) EXPECT_NE(row.function, "[disk]");
}

TEST(DiffTableTest, WhoWokeAThreadIsNoFunctionOfItsOwn) {
  const auto rows = rows_of("t;main;read;[ipc];--;wake_[k];write;helper 10\n",
                            "t;main;read;[ipc];--;wake_[k];write;helper 1\nt;main;lock;[lock] 9\n");
  ASSERT_EQ(rows.size(), 3U);
  for (const DiffRow& row : rows) {
    if (row.function == "read") {
      EXPECT_DOUBLE_EQ(row.self[0], 1);
    }
    EXPECT_TRUE(row.function == "main" || row.function == "read" || row.function == "lock");
  }
}

TEST(DiffTableTest, TheTableShowsTheLargestChangesFirst) {
  const auto rows = rows_of("t;a 90\nt;b 10\nt;c 100\n", "t;a 10\nt;b 90\nt;c 100\nt;d 1\n");
  expect_golden("diff.txt", diff_table(rows, 3));
}

TEST(DiffTableTest, ProfilesThatCannotBeComparedAreRefused) {
  const model::Profile empty({.hz = 19});
  EXPECT_FALSE(diff_functions(empty, scene::cpu_profile()));
  EXPECT_FALSE(diff_functions(scene::cpu_profile(), empty));
  EXPECT_FALSE(diff_functions(scene::cpu_profile(), scene::off_cpu_profile()));
}

TEST(DiffTableTest, AProfileDoesNotDifferFromItself) {
  const auto rows = diff_functions(scene::cpu_profile(), scene::cpu_profile());
  ASSERT_TRUE(rows);
  double self = 0;
  for (const DiffRow& row : *rows) {
    EXPECT_EQ(row.self_delta(), 0) << row.function;
    EXPECT_EQ(row.total_delta(), 0) << row.function;
    self += row.self[0];
  }
  EXPECT_NEAR(self, 1, 1e-6);
}

}  // namespace
}  // namespace hostlens::exporters::profile
