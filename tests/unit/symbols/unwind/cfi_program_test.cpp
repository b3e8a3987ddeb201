// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/cfi_program.h"

#include <gtest/gtest.h>

#include <string>

#include "symbols/unwind/row_encoding.h"
#include "unit/symbols/unwind/frame_writer.h"
#include "unwind_oracle/rule_words.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kStart = 0x401000;

/// "0:cfa=... ; 4:...": offsets from the start, what the rows say. Equal neighbours are told twice.
class TextSink final : public RuleSink {
 public:
  void on_rules(uint64_t begin, uint64_t end, const FrameRules& rules, bool signal) override {
    expect_contiguous(begin, end);
    const unwind_row row = encode_row(rules, signal);
    const std::string words = row.cfa_kind == UNWIND_CFA_INVALID
                                  ? "invalid " + std::to_string(row.cfa_offset)
                              : row.cfa_kind == UNWIND_CFA_STOP ? "stop"
                                                                : tests::row_text(row);
    add(begin, words);
  }
  void on_failure(uint64_t begin, uint64_t end, Failure failure) override {
    expect_contiguous(begin, end);
    add(begin, failure == Failure::kLimit ? "limit" : "broken");
  }
  std::string text;
  uint64_t at = kStart;

 private:
  void expect_contiguous(uint64_t begin, uint64_t end) {
    EXPECT_EQ(begin, at);
    EXPECT_LT(begin, end);
    at = end;
  }
  void add(uint64_t begin, const std::string& rules) {
    if (!text.empty()) text += "; ";
    text += std::to_string(begin - kStart) + ":" + rules;
  }
};

std::string run_section(const FrameWriter& writer,
                        CfiSection::Kind kind = CfiSection::Kind::kEhFrame) {
  FrameEntries entries;
  read_entries({.kind = kind, .bytes = writer.get(), .bases = {}}, {}, entries);
  if (entries.fdes.size() != 1) return "no FDE";
  TextSink sink;
  CfiProgram program(entries);
  program.run(entries.fdes[0], kStart + entries.fdes[0].size, sink);
  EXPECT_EQ(sink.at, kStart + entries.fdes[0].size) << "the whole FDE is told";
  return sink.text;
}

std::string run(const ByteWriter& instructions, const ByteWriter& initial = usual_rules()) {
  FrameWriter writer;
  const size_t cie = writer.add_cie(initial);
  writer.add_fde(cie, kStart, 0x1000, instructions);
  return run_section(writer);
}

const std::string kUsual = "0:cfa=breg7(8) ra=cfa plus(-8) rbp=same rbx=same";

std::string after(const std::string& cfa, const std::string& rbp = "same",
                  const std::string& rbx = "same") {
  return kUsual + "; 1:cfa=" + cfa + " ra=cfa plus(-8) rbp=" + rbp + " rbx=" + rbx;
}

/// One byte on, then `instructions`.
ByteWriter then(const ByteWriter& instructions) {
  ByteWriter writer;
  return writer.bytes({0x41}).append(instructions.get());
}

TEST(CfiProgramTest, NoInstructionsLeaveTheInitialRules) { EXPECT_EQ(run({}), kUsual); }

TEST(CfiProgramTest, Advances) {
  const std::string rule = "cfa=breg7(16) ra=cfa plus(-8) rbp=same rbx=same";
  const ByteWriter offset = ByteWriter().bytes({0x0e, 16});
  const auto at = [&](const ByteWriter& advance, const std::string& where) {
    EXPECT_EQ(run(ByteWriter().append(advance.get()).append(offset.get())),
              kUsual + "; " + where + ":" + rule);
  };
  at(ByteWriter().bytes({0x40 | 63}), "63");
  at(ByteWriter().bytes({0x02, 200}), "200");
  at(ByteWriter().bytes({0x03}).fixed<uint16_t>(0x234), "564");
  at(ByteWriter().bytes({0x04}).fixed<uint32_t>(0xabc), "2748");
  at(ByteWriter().bytes({0x1d}).fixed<uint64_t>(0xabd), "2749");
  at(ByteWriter().bytes({0x01}).fixed<uint64_t>(kStart + 7), "7");
}

TEST(CfiProgramTest, AdvancesByTheCodeAlignment) {
  FrameWriter writer;
  ByteWriter body;
  body.bytes({1}).text("").uleb(4).sleb(-8).uleb(16).append(usual_rules().get());
  const size_t cie = writer.add_cie_body(body);
  writer.add_fde(cie, kStart, 0x100, ByteWriter().bytes({0x43, 0x0e, 16}), false);
  EXPECT_EQ(run_section(writer), kUsual + "; 12:cfa=breg7(16) ra=cfa plus(-8) rbp=same rbx=same");
}

TEST(CfiProgramTest, StopsAtItsEnd) {
  EXPECT_EQ(run(ByteWriter().bytes({0x04}).fixed<uint32_t>(0x1000).bytes({0x0e, 16})), kUsual);
  EXPECT_EQ(run(ByteWriter().bytes({0x1d}).fixed<uint64_t>(UINT64_MAX).bytes({0x0e, 16})), kUsual);
}

TEST(CfiProgramTest, NeverGoesBack) {
  EXPECT_EQ(run(ByteWriter().bytes({0x41, 0x01}).fixed<uint64_t>(kStart)), kUsual + "; 1:broken");
}

TEST(CfiProgramTest, DefinesTheCfa) {
  EXPECT_EQ(run(then(ByteWriter().bytes({0x0c, 6, 16}))), after("breg6(16)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x12, 6}).sleb(-3))), after("breg6(24)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x12, 6}).sleb(3))), after("breg6(-24)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x0d, 10}))), after("breg10(8)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x0e}).uleb(4096))), after("breg7(4096)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x13}).sleb(-4))), after("breg7(32)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x0f, 3, 0x76, 0x78, 0x06}))), after("breg6(-8) deref"));
}

TEST(CfiProgramTest, HalfOfACfaNeedsTheOtherHalf) {
  const std::string expression =
      kUsual + "; 1:cfa=breg6(-8) deref ra=cfa plus(-8) rbp=same rbx=same";
  const ByteWriter define = then(ByteWriter().bytes({0x0f, 3, 0x76, 0x78, 0x06, 0x41}));
  EXPECT_EQ(run(ByteWriter(define).bytes({0x0e, 16})), expression + "; 2:broken");
  EXPECT_EQ(run(ByteWriter(define).bytes({0x0d, 6})), expression + "; 2:broken");
  EXPECT_EQ(run({}, ByteWriter().bytes({0x0e, 16})), "0:broken");
  EXPECT_EQ(run({}, ByteWriter().bytes({0})), "0:invalid 2");
}

TEST(CfiProgramTest, SavesRegisters) {
  EXPECT_EQ(run(then(ByteWriter().bytes({0x86, 2}))), after("breg7(8)", "cfa plus(-16)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x05, 6, 3}))), after("breg7(8)", "cfa plus(-24)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x11, 6}).sleb(-2))), after("breg7(8)", "cfa plus(16)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x2f, 6, 2}))), after("breg7(8)", "cfa plus(16)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x83, 4}))), after("breg7(8)", "same", "cfa plus(-32)"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x8c, 4}))), after("breg7(8)"))
      << "r12 is nobody's concern";
  EXPECT_EQ(run(then(ByteWriter().bytes({0x09, 6, 9}))), after("breg7(8)", "reg9"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x10, 6, 2, 0x76, 0}))), after("breg7(8)", "breg6(0)"));
}

TEST(CfiProgramTest, WhatARowCannotSayIsLost) {
  EXPECT_EQ(run(then(ByteWriter().bytes({0x07, 6}))), after("breg7(8)", "undefined"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x14, 6, 2}))), after("breg7(8)", "undefined"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x15, 6, 2}))), after("breg7(8)", "undefined"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x16, 6, 1, 0x30}))), after("breg7(8)", "undefined"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x86}).uleb(129))), after("breg7(8)", "undefined"));
  EXPECT_EQ(run(then(ByteWriter().bytes({0x07, 3}))), after("breg7(8)", "same", "undefined"));
}

TEST(CfiProgramTest, RestoresRegisters) {
  const std::string saved = after("breg7(8)", "cfa plus(-16)") + "; 2:" + kUsual.substr(2);
  EXPECT_EQ(run(then(ByteWriter().bytes({0x86, 2, 0x41, 0xc6}))), saved);
  EXPECT_EQ(run(then(ByteWriter().bytes({0x86, 2, 0x41, 0x06, 6}))), saved);
  EXPECT_EQ(run(then(ByteWriter().bytes({0x86, 2, 0x41, 0x08, 6}))), saved);
}

TEST(CfiProgramTest, RemembersTheCfaToo) {
  EXPECT_EQ(run(ByteWriter().bytes({0x0a, 0x41, 0x0e, 16, 0x86, 2, 0x41, 0x0b})),
            after("breg7(16)", "cfa plus(-16)") + "; 2:" + kUsual.substr(2));
}

TEST(CfiProgramTest, BoundsWhatItRemembers) {
  ByteWriter nested;
  for (int i = 0; i < 16; ++i) nested.bytes({0x0a});
  for (int i = 0; i < 16; ++i) nested.bytes({0x0b});
  EXPECT_EQ(run(nested), kUsual);
  ByteWriter endless;
  for (int i = 0; i < 17; ++i) endless.bytes({0x0a});
  EXPECT_EQ(run(endless), "0:limit");
  EXPECT_EQ(run(ByteWriter().bytes({0x0b})), "0:broken");
}

TEST(CfiProgramTest, PassesOverArgumentSizes) {
  EXPECT_EQ(run(then(ByteWriter().bytes({0x2e}).uleb(300).bytes({0x0e, 16}))), after("breg7(16)"));
}

TEST(CfiProgramTest, KnowsTheReturnAddressesThatExist) {
  EXPECT_EQ(run(ByteWriter().bytes({0x07, 16})), "0:stop");
  EXPECT_EQ(run(then(ByteWriter().bytes({0x0e, 0, 0x09, 16, 5}))),
            kUsual + "; 1:cfa=breg7(0) ra=reg5 rbp=same rbx=same");
  EXPECT_EQ(run(then(ByteWriter().bytes({0x90, 2}))), kUsual + "; 1:invalid 3");
  EXPECT_EQ(run(then(ByteWriter().bytes({0x87, 2}))), kUsual + "; 1:invalid 4");
}

TEST(CfiProgramTest, UnknownInstructionsInvalidateTheRest) {
  for (const int byte : {0x17, 0x1c, 0x1e, 0x2d, 0x3f}) {
    EXPECT_EQ(run(then(ByteWriter().bytes({byte, 0}))), kUsual + "; 1:broken") << byte;
  }
}

TEST(CfiProgramTest, TruncatedInstructionsInvalidateTheRest) {
  ByteWriter whole;
  whole.bytes({0x41, 0x0c, 6, 16, 0x41, 0x10, 6, 2, 0x76, 0, 0x03})
      .fixed<uint16_t>(5)
      .bytes({0x0e, 8});
  for (size_t size = 0; size <= whole.size(); ++size) {
    ByteWriter cut;
    cut.append({whole.get().begin(), whole.get().begin() + static_cast<ptrdiff_t>(size)});
    const std::string text = run(cut);
    const bool complete =
        size == 0 || size == 1 || size == 4 || size == 5 || size == 10 || size == 13 || size == 15;
    EXPECT_EQ(text.find("broken") == std::string::npos, complete) << size << " " << text;
  }
}

TEST(CfiProgramTest, SignalFramesAreTheKernelsOrInvalid) {
  ByteWriter kernel;
  kernel.bytes({0x0f, 4, 0x77}).sleb(160).bytes({0x06});
  for (const auto& [reg, offset] : {std::pair{16, 168}, {6, 120}, {3, 128}, {7, 160}}) {
    kernel.bytes({0x10, reg, 3, 0x77}).sleb(offset);
  }
  const auto signal = [](const ByteWriter& rules) {
    FrameWriter writer;
    const size_t cie = writer.add_cie(rules, "zRS");
    writer.add_fde(cie, kStart, 16);
    return run_section(writer);
  };
  EXPECT_EQ(signal(kernel), "0:cfa=breg7(160) deref ra=breg7(168) rbp=breg7(120) rbx=breg7(128)");
  EXPECT_EQ(signal(usual_rules()), "0:invalid 5");
}

TEST(CfiProgramTest, OneCieServesManyFdes) {
  FrameWriter writer;
  const size_t first = writer.add_cie();
  const size_t second = writer.add_cie(ByteWriter().append(usual_rules().get()).bytes({0x0e, 24}));
  writer.add_fde(first, kStart, 16);
  writer.add_fde(second, kStart + 16, 16);
  writer.add_fde(first, kStart + 32, 16);
  FrameEntries entries;
  read_entries({.kind = CfiSection::Kind::kEhFrame, .bytes = writer.get(), .bases = {}}, {},
               entries);
  ASSERT_EQ(entries.fdes.size(), 3U);
  TextSink sink;
  CfiProgram program(entries);
  for (const Fde& fde : entries.fdes) program.run(fde, fde.start + fde.size, sink);
  const std::string rules = kUsual.substr(2);
  EXPECT_EQ(sink.text,
            "0:" + rules + "; 16:cfa=breg7(24) ra=cfa plus(-8) rbp=same rbx=same; 32:" + rules);
}

}  // namespace
}  // namespace hostlens::symbols
