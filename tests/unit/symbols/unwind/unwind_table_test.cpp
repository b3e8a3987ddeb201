// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/unwind_table.h"

#include <gtest/gtest.h>

#include "unit/symbols/elf/elf_writer.h"
#include "unit/symbols/unwind/frame_writer.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kFrames = 0x480000;

/// A section in which each function says rsp + words * 8.
struct Function {
  uint64_t start;
  uint64_t size;
  int words;
};

std::vector<std::byte> frames_of(std::initializer_list<Function> functions, bool eh_frame = true) {
  FrameWriter writer(eh_frame);
  const size_t cie = eh_frame ? writer.add_cie() : writer.add_cie(usual_rules(), "", {}, 4);
  for (const Function& each : functions) {
    writer.add_fde(cie, each.start, each.size, ByteWriter().bytes({0x0e, each.words * 8}),
                   eh_frame);
  }
  writer.terminate();
  return writer.get();
}

ElfWriter file_with(std::initializer_list<Function> functions) {
  ElfWriter writer;
  writer.sections.push_back(
      {.name = ".eh_frame", .bytes = frames_of(functions), .address = kFrames});
  return writer;
}

UnwindTable build(const ElfWriter& writer, const UnwindLimits& limits = {}) {
  const auto view = writer.view();
  EXPECT_TRUE(view);
  auto table = build_unwind_table(*view, limits);
  EXPECT_TRUE(table) << table.error().text();
  return *std::move(table);
}

/// Words from rsp, -1: nothing is known, -2: frame pointers.
int words_at(const UnwindTable& table, uint64_t address) {
  const unwind_row* row = find_row(table, address);
  if (row == nullptr || row->cfa_kind == UNWIND_CFA_INVALID) return -1;
  return row->cfa_kind == UNWIND_CFA_FRAME_POINTER ? -2 : row->cfa_offset;
}

TEST(UnwindTableTest, FindsFunctionsInAnyOrder) {
  const UnwindTable table = build(file_with({{kCodeAddress + 0x200, 0x100, 3},
                                             {kCodeAddress, 0x100, 1},
                                             {kCodeAddress + 0x100, 0x100, 2}}));
  EXPECT_EQ(words_at(table, kCodeAddress), 1);
  EXPECT_EQ(words_at(table, kCodeAddress + 0xff), 1);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x100), 2);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x2ff), 3);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x300), -1);
  EXPECT_EQ(words_at(table, kCodeAddress - 1), -1);
  EXPECT_EQ(table.statistics.fdes, 3U);
  EXPECT_EQ(table.statistics.covered_bytes, 0x300U);
}

TEST(UnwindTableTest, TheLaterStartWinsAnOverlap) {
  const UnwindTable table = build(file_with(
      {{kCodeAddress, 0x100, 1}, {kCodeAddress + 0x80, 0x20, 2}, {kCodeAddress, 0x100, 3}}));
  EXPECT_EQ(words_at(table, kCodeAddress + 0x7f), 1) << "of two with one start the first read";
  EXPECT_EQ(words_at(table, kCodeAddress + 0x80), 2);
  EXPECT_EQ(words_at(table, kCodeAddress + 0xa0), -1) << "the rest of the outer one is given up";
  EXPECT_EQ(table.statistics.overlapping, 2U);
}

TEST(UnwindTableTest, IgnoresWhatDescribesNoCode) {
  const UnwindTable table = build(file_with({{0, 0x100, 1},
                                             {kCodeAddress + 0x40000, 0x100, 1},
                                             {kCodeAddress, 0, 1},
                                             {kCodeAddress + 0x3ff00, 0x10000000, 2}}));
  EXPECT_EQ(table.statistics.outside, 3U);
  EXPECT_EQ(table.statistics.covered_bytes, 0x100U) << "cut off where the segment ends";
  EXPECT_EQ(words_at(table, kCodeAddress + 0x3ffff), 2);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x40000), -1);
}

TEST(UnwindTableTest, AFileWithoutFramesHasNoRows) {
  const UnwindTable table = build(ElfWriter{});
  EXPECT_TRUE(table.rows.empty());
  EXPECT_TRUE(table.pages.empty());
}

TEST(UnwindTableTest, GoCodeKeepsFramePointersWhereNothingElseIsKnown) {
  ElfWriter writer = file_with({{kCodeAddress + 0x100, 0x100, 1}});
  writer.sections.push_back({.name = ".gopclntab", .bytes = {std::byte{1}}});
  writer.sections.push_back({.name = ".text", .address = kCodeAddress});
  const UnwindTable table = build(writer);
  EXPECT_EQ(words_at(table, kCodeAddress), -2);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x100), 1);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x200), -2);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x3ffff), -2);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x40000), -1);
}

TEST(UnwindTableTest, DebugFrameFillsWhatEhFrameLeavesOut) {
  ElfWriter writer = file_with({{kCodeAddress, 0x100, 1}});
  writer.sections.push_back(
      {.name = ".debug_frame",
       .bytes = frames_of({{kCodeAddress, 0x100, 7}, {kCodeAddress + 0x100, 0x100, 2}}, false)});
  const UnwindTable table = build(writer);
  EXPECT_EQ(words_at(table, kCodeAddress), 1);
  EXPECT_EQ(words_at(table, kCodeAddress + 0x100), 2);
}

TEST(UnwindTableTest, ASecondFileMustHaveTheSameBuildId) {
  ElfWriter file = file_with({{kCodeAddress, 0x100, 1}});
  file.build_id = {std::byte{1}, std::byte{2}};
  ElfWriter debug;
  debug.build_id = file.build_id;
  debug.sections.push_back(
      {.name = ".debug_frame", .bytes = frames_of({{kCodeAddress + 0x100, 0x100, 2}}, false)});
  const auto view = file.view();
  const auto debug_view = debug.view();
  ASSERT_TRUE(view && debug_view);
  const auto table = build_unwind_table(*view, *debug_view);
  ASSERT_TRUE(table);
  EXPECT_EQ(words_at(*table, kCodeAddress), 1);
  EXPECT_EQ(words_at(*table, kCodeAddress + 0x100), 2);
  debug.build_id = {std::byte{3}};
  EXPECT_FALSE(build_unwind_table(*view, *debug.view()));
}

TEST(UnwindTableTest, FindsEhFrameWithoutSectionHeaders) {
  // In the code segment, so that an address leads to it: LSB 10.6.2 with a pointer relative to
  // itself.
  ElfWriter writer;
  writer.section_headers = false;
  ByteWriter code;
  code.pad_to(0x1000).append(frames_of({{kCodeAddress, 0x100, 5}}));
  writer.code = code.get();
  writer.eh_frame_header_address = 0x300;
  ByteWriter header;
  header.bytes({1, 0x1b, 0x03, 0x3b})
      .fixed<int32_t>(static_cast<int32_t>(kCodeAddress + 0x1000 - 0x304));
  writer.eh_frame_header = header.get();
  EXPECT_EQ(words_at(build(writer), kCodeAddress), 5);
}

TEST(UnwindTableTest, KeepsItsSectionLimit) {
  const auto view = file_with({{kCodeAddress, 0x100, 1}}).view();
  ASSERT_TRUE(view);
  const auto table =
      build_unwind_table(*view, UnwindLimits{.section_bytes = 10, .entries = {}, .table = {}});
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().kind, base::Error::Kind::kBusy);
}

TEST(UnwindTableTest, EveryTruncationOfTheFileGivesATableOrAnError) {
  ElfWriter writer = file_with({{kCodeAddress, 0x100, 1}, {kCodeAddress + 0x100, 0x100, 2}});
  writer.code_bytes = 0x200;
  const auto image = writer.bytes();
  for (size_t size = 0; size < image.size(); ++size) {
    const auto view =
        ElfWriter::view_of({image.begin(), image.begin() + static_cast<ptrdiff_t>(size)});
    if (view) (void)build_unwind_table(*view);
  }
}

}  // namespace
}  // namespace hostlens::symbols
