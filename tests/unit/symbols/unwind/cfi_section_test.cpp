// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/cfi_section.h"

#include <gtest/gtest.h>

#include "unit/symbols/unwind/frame_writer.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kSection = 0x700000;  // where the section is
constexpr uint64_t kText = 0x400000;
constexpr uint64_t kData = 0x600000;

FrameEntries read(const FrameWriter& writer, CfiSection::Kind kind = CfiSection::Kind::kEhFrame,
                  const CfiLimits& limits = {}) {
  FrameEntries entries;
  read_entries({.kind = kind,
                .bytes = writer.get(),
                .bases = {.section = kSection, .text = kText, .data = kData}},
               limits, entries);
  return entries;
}

FrameEntries read_debug_frame(const FrameWriter& writer) {
  return read(writer, CfiSection::Kind::kDebugFrame);
}

/// The FDE of [0x401000, 0x401020) with its start as `write_start` encodes it.
template <typename WriteStart>
Fde encoded(int encoding, int size_bytes, WriteStart write_start) {
  FrameWriter writer;
  const size_t cie = writer.add_cie(usual_rules(), "zR", {encoding});
  ByteWriter body;
  write_start(body, kSection + writer.get().size() + 8);
  if (size_bytes == 2) body.fixed<uint16_t>(0x20);
  if (size_bytes == 4) body.fixed<uint32_t>(0x20);
  if (size_bytes == 8) body.fixed<uint64_t>(0x20);
  if (size_bytes == 1) body.uleb(0x20);
  writer.add_fde_body(cie, body.uleb(0));
  const FrameEntries entries = read(writer);
  return entries.fdes.size() == 1 ? entries.fdes[0] : Fde{};
}

TEST(CfiSectionTest, ReadsEveryPointerEncoding) {
  const uint64_t start = 0x401000;
  const auto expect = [start](const Fde& fde, int encoding) {
    EXPECT_EQ(fde.start, start) << std::hex << encoding;
    EXPECT_EQ(fde.size, 0x20U) << std::hex << encoding;
  };
  const auto base_of = [](int encoding, uint64_t here) -> uint64_t {
    switch (encoding & 0x70) {
      case 0x10:
        return here;
      case 0x20:
        return kText;
      case 0x30:
        return kData;
      default:
        return 0;
    }
  };
  for (const int relative : {0x00, 0x10, 0x20, 0x30}) {
    for (const int format : {0x00, 0x04, 0x0c}) {
      expect(encoded(relative | format, 8,
                     [&](ByteWriter& body, uint64_t here) {
                       body.fixed<uint64_t>(start - base_of(relative, here));
                     }),
             relative | format);
    }
    expect(encoded(relative | 0x0b, 4,
                   [&](ByteWriter& body, uint64_t here) {
                     body.fixed<int32_t>(static_cast<int32_t>(start - base_of(relative, here)));
                   }),
           relative | 0x0b);
    expect(encoded(relative | 0x09, 1,
                   [&](ByteWriter& body, uint64_t here) {
                     body.sleb(static_cast<int64_t>(start - base_of(relative, here)));
                   }),
           relative | 0x09);
  }
  expect(encoded(0x03, 4, [&](ByteWriter& body, uint64_t) { body.fixed<uint32_t>(0x401000); }),
         0x03);
  expect(encoded(0x01, 1, [&](ByteWriter& body, uint64_t) { body.uleb(start); }), 0x01);
  expect(encoded(0x22, 2, [&](ByteWriter& body, uint64_t) { body.fixed<uint16_t>(0x1000); }), 0x22);
  expect(encoded(0x2a, 2, [&](ByteWriter& body, uint64_t) { body.fixed<int16_t>(0x1000); }), 0x2a);
  expect(encoded(0x50, 8,
                 [&](ByteWriter& body, uint64_t here) {
                   for (; here % 8 != 0; ++here) body.bytes({0xee});
                   body.fixed<uint64_t>(start);
                 }),
         0x50);
}

TEST(CfiSectionTest, PointersThatAFileCannotHaveBreakTheEntry) {
  for (const int encoding : {0x80, 0x9b, 0xff, 0x40, 0x60, 0x05, 0x0d}) {
    FrameWriter writer;
    const size_t cie = writer.add_cie(usual_rules(), "zR", {encoding});
    writer.add_fde(cie, 0x401000, 0x20);
    const FrameEntries entries = read(writer);
    EXPECT_TRUE(entries.fdes.empty()) << encoding;
    EXPECT_EQ(entries.broken, 1U) << encoding;
  }
}

TEST(CfiSectionTest, ReadsEveryAugmentation) {
  const auto fde_of = [](const char* letters, std::initializer_list<int> bytes) {
    FrameWriter writer;
    const size_t cie = writer.add_cie(usual_rules(), letters, bytes);
    writer.add_fde(cie, 0x401000, 0x20, {}, letters[0] == 'z');
    return read(writer);
  };
  EXPECT_EQ(fde_of("zPLR", {0x9b, 1, 2, 3, 4, 0x1b, 0}).fdes.at(0).start, 0x401000U);
  EXPECT_EQ(fde_of("zRB", {0}).fdes.at(0).size, 0x20U);
  EXPECT_TRUE(fde_of("zRS", {0}).cies.at(0).signal_frame);
  EXPECT_FALSE(fde_of("zR", {0}).cies.at(0).signal_frame);
  EXPECT_EQ(fde_of("", {}).fdes.at(0).start, 0x401000U);
  EXPECT_EQ(fde_of("R", {0}).fdes.at(0).start, 0x401000U);
  EXPECT_EQ(fde_of("zR", {0, 1, 2, 3}).fdes.at(0).start, 0x401000U) << "more bytes than letters";
  EXPECT_EQ(fde_of("zXR", {0, 0}).broken, 1U);
  EXPECT_EQ(fde_of("zP", {0x9b, 1}).broken, 1U) << "a personality that does not fit";
  EXPECT_EQ(fde_of("zRSSSSSSSSSSSSSSSSS", {0}).broken, 1U) << "letters without end";
}

TEST(CfiSectionTest, AnOldAugmentationHasAWordBehindIt) {
  FrameWriter writer;
  ByteWriter body;
  body.bytes({1}).text("eh").fixed<uint64_t>(0x1234).uleb(1).sleb(-8).uleb(16);
  const size_t cie = writer.add_cie_body(body.append(usual_rules().get()));
  writer.add_fde(cie, 0x401000, 0x20, {}, false);
  EXPECT_EQ(read(writer).fdes.at(0).start, 0x401000U);
}

TEST(CfiSectionTest, ReadsEveryVersion) {
  for (const uint8_t version : {1, 3, 4}) {
    FrameWriter writer(false);
    const size_t cie = writer.add_cie(usual_rules(), "", {}, version);
    writer.add_fde(cie, 0x401000, 0x20, {}, false);
    const FrameEntries entries = read_debug_frame(writer);
    ASSERT_EQ(entries.fdes.size(), 1U) << int{version};
    EXPECT_EQ(entries.fdes[0].start, 0x401000U);
    EXPECT_EQ(entries.cies[0].data_alignment, -8);
    EXPECT_FALSE(entries.cies[0].other_machine);
  }
  FrameWriter writer(false);
  const size_t cie = writer.add_cie(usual_rules(), "", {}, 2);
  writer.add_fde(cie, 0x401000, 0x20, {}, false);
  EXPECT_EQ(read_debug_frame(writer).broken, 1U);
}

TEST(CfiSectionTest, SeesOtherMachines) {
  FrameWriter writer;
  ByteWriter other;
  const size_t cie = writer.add_cie_body(other.bytes({1}).text("").uleb(1).sleb(-8).uleb(30));
  writer.add_fde(cie, 0x401000, 0x20, {}, false);
  EXPECT_TRUE(read(writer).cies.at(0).other_machine);
}

TEST(CfiSectionTest, ReadsEntriesOf64BitDwarf) {
  for (const bool eh_frame : {true, false}) {
    ByteWriter cie;
    if (eh_frame) {
      cie.fixed<uint32_t>(0);
    } else {
      cie.fixed<uint64_t>(UINT64_MAX);
    }
    cie.bytes({1}).text("").uleb(1).sleb(-8).uleb(16).append(usual_rules().get());
    FrameWriter writer(eh_frame);
    writer.raw().fixed<uint32_t>(0xffffffff).fixed<uint64_t>(cie.size()).append(cie.get());
    ByteWriter fde;
    if (eh_frame) {
      fde.fixed<uint32_t>(static_cast<uint32_t>(writer.get().size() + 12));
    } else {
      fde.fixed<uint64_t>(0);
    }
    fde.fixed<uint64_t>(0x401000).fixed<uint64_t>(0x20);
    writer.raw().fixed<uint32_t>(0xffffffff).fixed<uint64_t>(fde.size()).append(fde.get());
    const auto kind = eh_frame ? CfiSection::Kind::kEhFrame : CfiSection::Kind::kDebugFrame;
    EXPECT_EQ(read(writer, kind).fdes.at(0).start, 0x401000U) << eh_frame;
  }
}

TEST(CfiSectionTest, GoesOnBehindATerminator) {
  FrameWriter writer;
  const size_t cie = writer.add_cie();
  writer.terminate();
  writer.add_fde(cie, 0x401000, 0x20);
  EXPECT_EQ(read(writer).fdes.size(), 1U);
  EXPECT_LT(entries_end(writer.get()), writer.get().size());
}

TEST(CfiSectionTest, KeepsItsLimits) {
  FrameWriter writer;
  for (uint64_t i = 0; i < 10; ++i) {
    const size_t cie = writer.add_cie();
    writer.add_fde(cie, 0x401000 + i * 0x20, 0x20);
  }
  const auto few_fdes = read(writer, CfiSection::Kind::kEhFrame, {.fdes = 3, .cies = 100});
  EXPECT_EQ(few_fdes.fdes.size(), 3U);
  EXPECT_TRUE(few_fdes.limit_reached);
  const auto few_cies = read(writer, CfiSection::Kind::kEhFrame, {.fdes = 100, .cies = 3});
  EXPECT_EQ(few_cies.fdes.size(), 3U);
  EXPECT_TRUE(few_cies.limit_reached);
  EXPECT_FALSE(read(writer).limit_reached);
}

TEST(CfiSectionTest, EveryTruncationIsSurvivedAndSeen) {
  FrameWriter writer;
  const size_t cie = writer.add_cie(usual_rules(), "zPLR", {0x9b, 1, 2, 3, 4, 0x1b, 0});
  writer.add_fde(cie, 0x401000, 0x20, ByteWriter().bytes({0x41, 0x0e, 16}));
  const size_t first_end = writer.get().size();
  writer.add_fde(cie, 0x401020, 0x20, ByteWriter().bytes({0x41, 0x0e, 16}));
  const auto& whole = writer.get();
  for (size_t size = 0; size < whole.size(); ++size) {
    FrameEntries entries;
    read_entries(
        {.kind = CfiSection::Kind::kEhFrame, .bytes = base::Bytes(whole).first(size), .bases = {}},
        {}, entries);
    EXPECT_EQ(entries.fdes.size(), size >= first_end ? 1U : 0U) << size;
    const bool at_an_edge =
        size == 0 || size == first_end || entries_end(base::Bytes(whole).first(size)) == size;
    EXPECT_EQ(entries.broken, at_an_edge ? 0U : 1U) << size;
  }
}

TEST(CfiSectionTest, AnFdeWithoutCieIsBrokenNotFatal) {
  FrameWriter writer;
  ByteWriter body;
  writer.add_fde(0x7fffffff, 0x401000, 0x20);  // a distance beyond the section's beginning
  const size_t cie = writer.add_cie();
  writer.add_fde(cie, 0x401020, 0x20);
  const FrameEntries entries = read(writer);
  EXPECT_EQ(entries.broken, 1U);
  EXPECT_EQ(entries.fdes.size(), 1U);
}

}  // namespace
}  // namespace hostlens::symbols
