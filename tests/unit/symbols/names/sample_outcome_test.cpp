// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/sample_outcome.h"

#include <gtest/gtest.h>

#include <set>

namespace hostlens::symbols {
namespace {

model::Sample ending_at(const char* function, model::Frame::Kind kind) {
  model::Sample sample;
  model::Frame frame;
  frame.kind = kind;
  frame.function = std::make_shared<const model::Function>(
      model::Function{.name = function, .file = {}, .system_name = {}});
  sample.stack.push(frame);
  return sample;
}

TEST(SampleOutcomeTest, AStackThatEndsAtAnEntryIsWholeWhateverStoppedTheUnwinder) {
  const auto entry = ending_at("runtime.mstart", model::Frame::Kind::kGo);
  const auto middle = ending_at("main.work", model::Frame::Kind::kGo);
  for (const auto outcome : {PROFILE_ENDED, PROFILE_NO_MAPPING, PROFILE_FRAME_POINTER,
                             PROFILE_STACK_ORDER, PROFILE_MEMORY_FAULT}) {
    EXPECT_TRUE(is_complete(entry, outcome)) << outcome_text(outcome);
    EXPECT_FALSE(is_complete(middle, outcome)) << outcome_text(outcome);
  }
  EXPECT_TRUE(is_complete(middle, PROFILE_COMPLETE));
  EXPECT_FALSE(is_complete(model::Sample{}, PROFILE_ENDED));
}

TEST(SampleOutcomeTest, AStackOfWhichNothingIsKnownYetIsNotWhole) {
  EXPECT_FALSE(is_complete(ending_at("_start", model::Frame::Kind::kNative), PROFILE_NOT_READY));
  EXPECT_FALSE(is_complete(ending_at("_start", model::Frame::Kind::kNative), PROFILE_TRUNCATED));
  EXPECT_FALSE(
      is_complete(ending_at("ret_from_fork_asm", model::Frame::Kind::kKernel), PROFILE_NO_MAPPING))
      << "there is a user stack, too";
}

TEST(SampleOutcomeTest, EachOutcomeHasATextOfItsOwn) {
  std::set<std::string_view> texts;
  for (int outcome = 0; outcome < PROFILE_NO_STACK; ++outcome) {
    texts.insert(outcome_text(static_cast<profile_outcome>(outcome)));
  }
  EXPECT_EQ(texts.size(), static_cast<size_t>(PROFILE_NO_STACK));
  EXPECT_FALSE(texts.contains("unknown"));
}

}  // namespace
}  // namespace hostlens::symbols
