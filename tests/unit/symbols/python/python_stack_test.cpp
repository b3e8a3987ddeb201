// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/python_stack.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace hostlens::symbols {
namespace {

struct Joined {
  std::string text;
  size_t native_left = 0;
  size_t python_left = 0;
};

/// Native frames: a letter each, E the interpreter's loop. Python frames: a letter each, an upper
/// case one is an entry, '-' an entry without a frame. All leaf first.
Joined join(std::string_view native, std::string_view python, bool whole = true) {
  std::vector<bool> loops;
  for (const char c : native) loops.push_back(c == 'E');
  std::vector<decoders::PythonFrame> frames;
  for (const char c : python) {
    frames.push_back({c == '-' ? 0 : static_cast<uint64_t>(c), 0, 0, c < 'a'});
  }
  const JoinedStack joined = join_python_stack(loops, frames, whole);
  Joined result{{}, joined.native_left, joined.python_left};
  for (const StackPart& part : joined.parts) {
    result.text += part.python ? python[part.index] : native[part.index];
  }
  return result;
}

TEST(PythonStackTest, ALoopGivesWayToTheFramesThatItRuns) {
  const Joined joined = join("xEyEz", "abCdF");
  EXPECT_EQ(joined.text, "xabCydFz");
  EXPECT_EQ(joined.native_left + joined.python_left, 0U);
}

TEST(PythonStackTest, ALoopThatBeginsHasNoFrameYet) {
  const Joined joined = join("ExEyEz", "aBcD");
  EXPECT_EQ(joined.text, "ExaBycDz");
  EXPECT_EQ(joined.native_left, 1U);
  EXPECT_EQ(joined.python_left, 0U);
}

TEST(PythonStackTest, ALoopThatEndsHasNoneAnyMore) {
  const Joined joined = join("ExEy", "-aB");
  EXPECT_EQ(joined.text, "ExaBy");
  EXPECT_EQ(joined.native_left, 1U);
}

TEST(PythonStackTest, FramesOfALoopThatWasNotSeenAreBehindTheirCaller) {
  const Joined joined = join("xyEz", "aBcD");
  EXPECT_EQ(joined.text, "xyaBcDz");
  EXPECT_EQ(joined.python_left, 2U);
  EXPECT_EQ(joined.native_left, 0U);
}

TEST(PythonStackTest, WithoutAnyLoopTheyAreTheLeaf) {
  const Joined joined = join("xyz", "aB");
  EXPECT_EQ(joined.text, "aBxyz");
  EXPECT_EQ(joined.python_left, 2U);
}

TEST(PythonStackTest, WhatIsMissingOfABrokenNativeStackIsAtItsRoot) {
  const Joined joined = join("xEy", "aBcDE", false);
  EXPECT_EQ(joined.text, "xaBycDE");
  EXPECT_EQ(joined.python_left, 3U);
}

TEST(PythonStackTest, WhatIsMissingOfTruncatedPythonFramesIsAtTheirRoot) {
  const Joined joined = join("xEyEzE", "aBc", false);
  EXPECT_EQ(joined.text,
            "xaBycz"
            "E");
  EXPECT_EQ(joined.native_left, 1U);
}

TEST(PythonStackTest, WithoutPythonFramesNothingChanges) {
  const Joined joined = join("xEyE", "");
  EXPECT_EQ(joined.text, "xEyE");
  EXPECT_EQ(joined.native_left, 2U);
}

TEST(PythonStackTest, NoFrameIsLostOrShownTwice) {
  for (unsigned loops = 0; loops < 64; ++loops) {
    for (unsigned entries = 0; entries < 64; ++entries) {
      std::string native, python;
      for (unsigned i = 0; i < 6; ++i) native += (loops >> i & 1U) != 0 ? 'E' : 'x';
      for (unsigned i = 0; i < 6; ++i)
        python += static_cast<char>((entries >> i & 1U) != 0 ? 'A' + i : 'a' + i);
      for (const bool whole : {true, false}) {
        const Joined joined = join(native, python, whole);
        std::string found_python;
        size_t found_native = 0;
        for (const char c : joined.text) {
          if (c == 'x') ++found_native;
          if (c != 'x' && python.find(c) != python.npos && found_python.size() < python.size() &&
              c == python[found_python.size()]) {
            found_python += c;
          }
        }
        EXPECT_EQ(found_python, python) << native << " " << python;
        EXPECT_EQ(found_native, static_cast<size_t>(std::count(native.begin(), native.end(), 'x')));
      }
    }
  }
}

}  // namespace
}  // namespace hostlens::symbols
