// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/row_table.h"

#include <gtest/gtest.h>

#include <string>

#include "symbols/unwind/row_encoding.h"

namespace hostlens::symbols {
namespace {

unwind_row rsp(uint16_t words) {
  unwind_row row{};
  row.cfa_kind = UNWIND_CFA_RSP;
  row.cfa_offset = words;
  return row;
}

/// "page 4: 0=gap 10=1 20=2 | page 5: ..." in hexadecimal; of rows with rsp their words, else what
/// they are.
std::string text(RowTable& table) {
  std::string all;
  uint32_t next = 0;
  for (const NumberedPage& each : table.pages()) {
    if (!all.empty()) all += " | ";
    char number[16];
    std::snprintf(number, sizeof number, "%x:", each.number);
    all += number;
    EXPECT_EQ(each.page.first_row, next);
    EXPECT_GT(each.page.count, 0);
    for (uint32_t i = 0; i < each.page.count; ++i) {
      const unwind_row& row = table.rows().at(next++);
      EXPECT_TRUE(i != 0 || row.pc_low == 0) << "a page begins with a row";
      std::snprintf(number, sizeof number, " %x=", row.pc_low);
      all += number;
      if (row.cfa_kind == UNWIND_CFA_RSP) {
        all += std::to_string(row.cfa_offset);
      } else if (row.cfa_kind == UNWIND_CFA_FRAME_POINTER) {
        all += "fp";
      } else {
        all += row.cfa_offset == UNWIND_INVALID_GAP ? "gap" : "limit";
      }
    }
  }
  EXPECT_EQ(next, table.rows().size());
  return all;
}

TEST(RowTableTest, MergesNeighboursThatSayTheSame) {
  RowTable table({});
  table.add(0x40000, 0x40010, rsp(1));
  table.add(0x40010, 0x40020, rsp(1));
  table.add(0x40020, 0x40030, rsp(2));
  table.add(0x40030, 0x40040, rsp(1));
  table.finish();
  EXPECT_EQ(text(table), "4: 0=1 20=2 30=1 40=gap");
}

TEST(RowTableTest, RepeatsTheLastRowWhereAPageBegins) {
  RowTable table({});
  table.add(0x4fff0, 0x70010, rsp(1));
  table.add(0x70010, 0x80000, rsp(2));
  table.finish();
  EXPECT_EQ(text(table), "4: 0=gap fff0=1 | 5: 0=1 | 6: 0=1 | 7: 0=1 10=2");
}

TEST(RowTableTest, PaddingGoesWithTheFunctionBefore) {
  RowTable table({});
  table.add(0x40000, 0x40001, rsp(1));
  table.add(0x40010, 0x40020, rsp(2));  // 15 bytes on
  table.add(0x40030, 0x40040, rsp(3));  // 16 bytes on
  table.finish();
  EXPECT_EQ(text(table), "4: 0=1 10=2 20=gap 30=3 40=gap");
}

TEST(RowTableTest, PaddingMayCrossAPage) {
  RowTable table({});
  table.add(0x4ff00, 0x4fff8, rsp(1));
  table.add(0x50004, 0x50010, rsp(2));
  table.finish();
  EXPECT_EQ(text(table), "4: 0=gap ff00=1 | 5: 0=1 4=2 10=gap");
}

TEST(RowTableTest, PagesInsideOfAGapHaveNoRows) {
  RowTable table({});
  table.add(0x40000, 0x40010, rsp(1));
  table.add(0x90010, 0x90020, rsp(1));
  table.finish();
  EXPECT_EQ(text(table), "4: 0=1 10=gap | 9: 0=gap 10=1 20=gap");
}

TEST(RowTableTest, OverlapsAreCutOff) {
  RowTable table({});
  table.add(0x40000, 0x40020, rsp(1));
  table.add(0x40010, 0x40030, rsp(2));
  table.add(0x40000, 0x40030, rsp(3));
  table.finish();
  EXPECT_EQ(text(table), "4: 0=1 20=2 30=gap");
}

TEST(RowTableTest, TheBackgroundFillsGaps) {
  RowTable table({});
  unwind_row frame_pointer{};
  frame_pointer.cfa_kind = UNWIND_CFA_FRAME_POINTER;
  table.set_background(0x40100, 0x60100, frame_pointer);
  table.add(0x40000, 0x40010, rsp(1));
  table.add(0x40200, 0x40210, rsp(2));
  table.finish();
  EXPECT_EQ(text(table), "4: 0=1 10=gap 100=fp 200=2 210=fp | 5: 0=fp | 6: 0=fp 100=gap");
}

TEST(RowTableTest, AFullPageIsGivenUpAlone) {
  RowTable table({});
  for (uint32_t i = 0; i <= UNWIND_PAGE_ROWS_MAX; ++i) {
    table.add(0x40000 + i, 0x40001 + i, rsp(static_cast<uint16_t>(i % 2)));
  }
  table.add(0x50000, 0x50010, rsp(9));
  table.finish();
  EXPECT_EQ(text(table), "4: 0=limit | 5: 0=9 10=gap");
  EXPECT_EQ(table.full_pages(), 1U);
  EXPECT_FALSE(table.limit_reached());
}

TEST(RowTableTest, APageMayBeExactlyFull) {
  RowTable table({});
  for (uint32_t i = 0; i < UNWIND_PAGE_ROWS_MAX - 1; ++i) {
    table.add(0x40000 + i, 0x40001 + i, rsp(static_cast<uint16_t>(i % 2)));
  }
  table.finish();
  EXPECT_EQ(table.rows().size(), size_t{UNWIND_PAGE_ROWS_MAX});
  EXPECT_EQ(table.full_pages(), 0U);
}

TEST(RowTableTest, EndsAtItsLimits) {
  RowTable rows({.rows = 4, .pages = 100, .padding = 15});
  for (uint32_t i = 0; i < 10; ++i) {
    rows.add(0x40000 + i * 0x8000, 0x48000 + i * 0x8000, rsp(static_cast<uint16_t>(i)));
  }
  rows.finish();
  EXPECT_TRUE(rows.limit_reached());
  EXPECT_EQ(text(rows), "4: 0=0 8000=1 | 5: 0=2 8000=3");
  RowTable pages({.rows = 100, .pages = 3, .padding = 15});
  pages.add(0x40000, 0xffff0000, rsp(1));
  pages.finish();
  EXPECT_TRUE(pages.limit_reached());
  EXPECT_EQ(text(pages), "4: 0=1 | 5: 0=1 | 6: 0=1");
}

TEST(RowTableTest, APageCutByTheLimitSaysNothing) {
  RowTable table({.rows = 3, .pages = 100, .padding = 15});
  for (uint32_t i = 0; i < 10; ++i) {
    table.add(0x4fff0 + i * 0x10, 0x50000 + i * 0x10, rsp(static_cast<uint16_t>(i)));
  }
  table.finish();
  EXPECT_EQ(text(table), "4: 0=gap fff0=0 | 5: 0=limit");
}

}  // namespace
}  // namespace hostlens::symbols
