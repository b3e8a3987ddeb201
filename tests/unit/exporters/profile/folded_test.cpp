// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/folded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/utf8.h"
#include "exporters/profile/frame_text.h"
#include "unit/exporters/profile/golden.h"
#include "unit/exporters/profile/scene.h"

namespace hostlens::exporters::profile {
namespace {

using model::Frame;

uint64_t sum_of(const std::string& folded) {
  std::istringstream lines(folded);
  uint64_t sum = 0;
  for (std::string line; std::getline(lines, line);) {
    sum += std::stoull(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

TEST(FoldedTest, CpuStacksReadAsTheContractSays) {
  expect_golden("cpu.folded", write_folded(scene::cpu_profile()));
}

TEST(FoldedTest, OffCpuStacksEndInTheirCause) {
  expect_golden("off_cpu.folded", write_folded(scene::off_cpu_profile()));
}

TEST(FoldedTest, BehindTheCauseStandsWhoEndedTheSleep) {
  EXPECT_EQ(write_folded(scene::waker_profile()),
            "postgres;main;LWLockAcquire;[lock] 1000\n"
            "postgres;main;LWLockAcquire;[lock];--;try_to_wake_up_[k];LWLockRelease;main;walwriter "
            "6000\n"
            "postgres;main;LWLockAcquire;[timer];--;[interrupt] 3000\n");
  const auto read = read_folded("t;f;[disk];--;[interrupt] 1\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->settings().kind, model::ProfileKind::kOffCpu);
  EXPECT_EQ(read->labels()[read->entries()[0].labels].cause, "disk");
  EXPECT_EQ(read->labels()[read->entries()[0].labels].waker, "[interrupt]");
  EXPECT_EQ(read_folded("t;f;--;g 1\n")->settings().kind, model::ProfileKind::kCpu);
}

TEST(FoldedTest, TheSumOfMicrosecondsIsThatOfTheProfile) {
  const auto profile = scene::off_cpu_profile();
  const uint64_t exact = profile.total_weight();
  EXPECT_EQ(sum_of(write_folded(profile)), (exact + 500) / 1000);

  model::Profile crumbs({.kind = model::ProfileKind::kOffCpu});
  for (int i = 0; i < 1000; ++i) {
    crumbs.add(
        scene::sample("p", 1, "t", 300, {scene::frame(Frame::Kind::kNative, std::to_string(i))}));
  }
  EXPECT_EQ(sum_of(write_folded(crumbs)), 300U) << "each alone would be rounded to nothing";
}

TEST(FoldedTest, StacksThatReadTheSameAreOneLine) {
  model::Profile profile({});
  for (const uint32_t pid : {1U, 2U, 3U}) {
    profile.add(scene::sample("p", pid, "worker", 5,
                              {scene::frame(Frame::Kind::kNative, "main", "", pid, 0x1000 + pid)}));
  }
  EXPECT_EQ(write_folded(profile), "worker;main 15\n");
}

TEST(FoldedTest, NoNameBreaksALineOrAFrame) {
  const std::string folded = write_folded(scene::hostile_profile());
  EXPECT_EQ(base::valid_utf8_prefix(folded), folded.size());
  EXPECT_EQ(std::count(folded.begin(), folded.end(), '\n'),
            static_cast<ptrdiff_t>(scene::kHostileNames.size()));
  std::istringstream lines(folded);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ';'), 3) << line;
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](unsigned char c) { return c >= 0x20; }));
  }
}

TEST(FoldedTest, AnEmptyProfileIsAnEmptyFile) {
  EXPECT_EQ(write_folded(model::Profile({})), "");
  const auto read = read_folded("");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->total_count(), 0U);
}

TEST(FoldedTest, WhatWasWrittenReadsBackToTheSameText) {
  for (const auto& profile : {scene::cpu_profile(), scene::off_cpu_profile(),
                              scene::waker_profile(), scene::hostile_profile()}) {
    const std::string once = write_folded(profile);
    const auto read = read_folded(once);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->settings().kind, profile.settings().kind);
    EXPECT_EQ(write_folded(*read), once);
  }
}

TEST(FoldedTest, TheOverflowIsOneFrameAndReadsBackAsSuch) {
  model::Profile full({.max_bytes = 0});
  full.add(scene::sample("p", 1, "t", 7, {scene::frame(Frame::Kind::kNative, "f")}));
  EXPECT_EQ(write_folded(full), "[other] 7\n");
  const auto read = read_folded("[other] 7\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(write_folded(*read), "[other] 7\n");
  EXPECT_EQ(read->entries()[0].stack, model::Profile::kOverflowStack);
}

TEST(FoldedTest, StacksWithoutWeightDoNotDecideTheKind) {
  const auto read = read_folded("t;f;[interrupt] 3000\nt;g;[disk] 0\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->settings().kind, model::ProfileKind::kCpu);
  EXPECT_EQ(write_folded(*read), "t;f;[interrupt] 3000\n");
}

TEST(FoldedTest, EmptyFramesAreAsIfTheyWereNotThere) {
  for (const auto& [text, back] : {std::pair{"t;;f;[lock]; 3\n", "t;f;[lock] 3\n"},
                                   std::pair{"t;f;[lock];;--;;g 3\n", "t;f;[lock];--;g 3\n"},
                                   std::pair{"t;f;[lock];--; 3\n", "t;f;[lock];-- 3\n"}}) {
    const auto read = read_folded(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(write_folded(*read), back);
  }
  EXPECT_EQ(read_folded("t;f;[lock]; 3\n")->settings().kind, model::ProfileKind::kOffCpu);
  EXPECT_EQ(read_folded("t;f;[lock];--; 3\n")->settings().kind, model::ProfileKind::kCpu);
}

TEST(FoldedTest, ControlCharactersAreSpacesBeforeAFrameIsRead) {
  const auto read = read_folded("t;run\x01(dir/work.py) 3\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(write_folded(*read), "t;run (work.py) 3\n");
}

TEST(FoldedTest, AModuleWithoutANameIsUnknown) {
  for (const char* const frame : {"[+0x1abc]", "[folder/+0x1abc]", "[[]+0x1abc]"}) {
    EXPECT_EQ(write_folded(*read_folded(std::string("t;") + frame + " 1\n")),
              "t;[unknown+0x1abc] 1\n")
        << frame;
  }
}

TEST(FoldedTest, FramesKeepTheirKind) {
  const auto kind = [](std::string_view text) { return frame_of_text(text).kind; };
  EXPECT_EQ(kind("tcp_sendmsg_[k]"), Frame::Kind::kKernel);
  EXPECT_EQ(kind("Handler.do_GET (views.py)"), Frame::Kind::kPython);
  EXPECT_EQ(kind("<module> (<string>)"), Frame::Kind::kPython);
  EXPECT_EQ(kind("handle (server.mjs)"), Frame::Kind::kJavaScript);
  EXPECT_EQ(kind("processTimers (node:internal/timers)"), Frame::Kind::kJavaScript);
  EXPECT_EQ(kind("main"), Frame::Kind::kNative);
  EXPECT_EQ(kind("operator()(int) (.clone)"), Frame::Kind::kNative);
  EXPECT_EQ(kind("[truncated]"), Frame::Kind::kUnknown);
  const Frame nameless = frame_of_text("[libc.so.6+0x2f1a0]");
  EXPECT_EQ(nameless.function, nullptr);
  EXPECT_EQ(nameless.module->path, "libc.so.6");
  EXPECT_EQ(nameless.address, 0x2f1a0U);
  EXPECT_NE(frame_of_text("[libc.so.6+0xzz]").function, nullptr);
}

TEST(FoldedTest, LinesWithoutAWeightAreRefusedWithTheirNumber) {
  for (const char* const text : {"a;b 1\nmain\n", "a;b 1\n\nmain x\n", "a;b 1\nmain -1\n",
                                 "a;b 1\nmain 1.5\n", "a;b 1\n 5\n"}) {
    const auto read = read_folded(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find("line "), std::string::npos) << read.error().message;
  }
  EXPECT_TRUE(read_folded("a;b 1\r\nno newline at the end 2"));
}

TEST(FoldedTest, WeightsBeyond63BitsAreRefused) {
  EXPECT_FALSE(read_folded("a 18446744073709551615\nb 5\n"));
  EXPECT_FALSE(read_folded("a 99999999999999999999\n"));
}

TEST(FoldedTest, ALineOfManyFramesIsCutAtItsRoot) {
  std::string line = "thread";
  for (int i = 0; i < 5000; ++i) line += ";f";
  const auto read = read_folded(line + ";leaf 1\n");
  ASSERT_TRUE(read);
  const std::string back = write_folded(*read);
  EXPECT_TRUE(back.starts_with("thread;[truncated];f;"));
  EXPECT_TRUE(back.ends_with(";f;leaf 1\n"));
}

TEST(FoldedTest, ADifferenceHasBothWeights) {
  const auto before = read_folded("t;a 1\nt;b 2\n");
  const auto after = read_folded("t;b 3\nt;c 4\n");
  ASSERT_TRUE(before && after);
  EXPECT_EQ(write_folded_diff(*before, *after), "t;a 1 0\nt;b 2 3\nt;c 0 4\n");
}

}  // namespace
}  // namespace hostlens::exporters::profile
