// SPDX-License-Identifier: Apache-2.0
#include "model/profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace hostlens::model {
namespace {

Frame named(const std::string& name) {
  Frame frame = mark_frame(name);
  frame.kind = Frame::Kind::kNative;
  return frame;
}

Sample sample(std::initializer_list<const char*> leaf_first, uint64_t weight = 1) {
  Sample result;
  result.process = {7, 1};
  result.thread_name = "worker";
  result.weight = weight;
  std::vector<Frame> frames;
  for (const char* const name : leaf_first) frames.push_back(named(name));
  result.stack = Stack::of(frames);
  return result;
}

/// Root first, each stack on a line with its weight.
std::string text_of(const Profile& profile) {
  std::string text;
  std::vector<Profile::Id> frames;
  for (const Profile::Entry& entry : profile.sorted_entries()) {
    profile.frames_of(entry.stack, frames);
    text += profile.labels()[entry.labels].thread_name;
    for (size_t i = frames.size(); i-- > 0;)
      text += ";" + profile.frames()[frames[i]].function->name;
    text += " " + std::to_string(entry.weight) + "\n";
  }
  return text;
}

TEST(ProfileTest, EqualStacksOfEqualLabelsAreOneEntry) {
  Profile profile({});
  profile.add(sample({"b", "a"}, 2));
  profile.add(sample({"b", "a"}, 3));  // other objects of the same content
  profile.add(sample({"c", "a"}));
  ASSERT_EQ(profile.entries().size(), 2U);
  EXPECT_EQ(profile.entries()[0].count, 2U);
  EXPECT_EQ(profile.entries()[0].weight, 5U);
  EXPECT_EQ(profile.total_count(), 3U);
  EXPECT_EQ(profile.total_weight(), 6U);
  EXPECT_EQ(text_of(profile), "worker;a;b 5\nworker;a;c 1\n");
}

TEST(ProfileTest, EachLabelTellsEntriesApart) {
  const Sample plain = sample({"a"});
  std::vector<Sample> others(7, plain);
  others[0].process = {7, 2};
  others[1].thread_name = "other";
  others[2].service = "s";
  others[3].container = "c";
  others[4].route = "r";
  others[5].cause = "disk";
  others[6].process_name = "p";
  Profile profile({});
  profile.add(plain);
  for (const Sample& other : others) profile.add(other);
  EXPECT_EQ(profile.entries().size(), 8U);
  Sample other_thread = plain;
  other_thread.tid = 99;
  profile.add(other_thread);
  EXPECT_EQ(profile.entries().size(), 8U) << "threads of one name are one";
}

TEST(ProfileTest, SpansTellEntriesApartOnlyWhenAsked) {
  Sample in_span = sample({"a"});
  in_span.span_id = {1};
  in_span.trace_id = {2};
  for (const bool by_span : {false, true}) {
    Profile profile({.by_span = by_span});
    profile.add(sample({"a"}));
    profile.add(in_span);
    EXPECT_EQ(profile.entries().size(), by_span ? 2U : 1U);
  }
}

TEST(ProfileTest, FramesOfOtherKindAddressOrLineAreOthers) {
  Profile profile({});
  for (const auto change : {+[](Frame&) {}, +[](Frame& f) { f.kind = Frame::Kind::kJit; },
                            +[](Frame& f) { f.address = 1; }, +[](Frame& f) { f.line = 1; },
                            +[](Frame& f) { f.inlined = true; },
                            +[](Frame& f) { f.module = std::make_shared<Module>(); }}) {
    Sample one = sample({"a"});
    Frame leaf = one.stack.leaf();
    change(leaf);
    one.stack = Stack::of({{leaf}});
    profile.add(one);
    profile.add(one);
  }
  EXPECT_EQ(profile.entries().size(), 6U);
}

TEST(ProfileTest, StacksThatComeAgainAreMergedLikeOthers) {
  std::vector<Sample> samples;
  Sample callers = sample({"caller", "main"});
  for (const char* const leaf : {"a", "b", "a", "c"}) {
    for (const bool truncated : {false, true}) {
      Sample shared = callers;
      shared.truncated = truncated;
      shared.stack.push(named(leaf));
      samples.push_back(std::move(shared));
    }
  }
  samples.push_back(callers);
  Profile once({});
  Profile again({});
  for (const Sample& each : samples) {
    Sample alone = each;
    alone.stack = {};
    std::vector<Frame> frames(each.stack.begin(), each.stack.end());
    alone.stack = Stack::of(frames);
    for (int i = 0; i < 3; ++i) once.add(alone);
    const Stack held = each.stack;  // so that it is known the second time
    for (int i = 0; i < 3; ++i) again.add(each);
  }
  EXPECT_EQ(text_of(again), text_of(once));
  EXPECT_EQ(again.nodes().size(), once.nodes().size());
  EXPECT_EQ(again.entries().size(), 7U);
}

TEST(ProfileTest, FramesThatGetANameBecomeOneWithThoseThatHadIt) {
  Profile profile({});
  Sample before = sample({"x", "a"}, 2);
  Frame nameless = before.stack.leaf();
  nameless.function = nullptr;
  nameless.address = 0x40;
  before.stack.pop();
  before.stack.push(nameless);
  Sample after = sample({"b", "a"}, 3);
  Frame with_name = after.stack.leaf();
  with_name.address = 0x40;
  after.stack.pop();
  after.stack.push(with_name);
  profile.add(before);
  profile.add(after, 2);
  ASSERT_EQ(profile.entries().size(), 2U);
  const auto function = named("b").function;
  const Profile with = profile.named([&](Frame& frame) {
    if (frame.function == nullptr && frame.address == 0x40) frame.function = function;
  });
  EXPECT_EQ(text_of(with), "worker;a;b 5\n");
  ASSERT_EQ(with.entries().size(), 1U);
  EXPECT_EQ(with.entries()[0].count, 3U);
  EXPECT_EQ(with.total_count(), profile.total_count());
  EXPECT_EQ(with.total_weight(), profile.total_weight());
  EXPECT_EQ(with.labels()[with.entries()[0].labels].process, (ProcessKey{7, 1}));
}

TEST(ProfileTest, NamingKeepsWhatIsNoCode) {
  Profile profile({});
  Sample cut = sample({"a"});
  cut.truncated = true;
  profile.add(cut);
  EXPECT_EQ(text_of(profile.named([](Frame&) {})), text_of(profile));
  Profile full({.max_bytes = 1});
  full.add(sample({"a"}));
  full.add(sample({"b"}));
  const Profile again = full.named([](Frame&) {});
  EXPECT_EQ(again.overflowed(), full.overflowed());
  EXPECT_EQ(again.total_count(), 2U);
}

TEST(ProfileTest, ATruncatedStackSaysSoAtItsRoot) {
  Profile profile({});
  Sample cut = sample({"leaf", "caller"});
  cut.truncated = true;
  profile.add(cut);
  EXPECT_EQ(text_of(profile), "worker;[truncated];caller;leaf 1\n");
}

TEST(ProfileTest, AStackThatIsTooDeepKeepsItsLeaf) {
  Profile profile({});
  Sample deep = sample({"root"});
  for (size_t i = 0; i < Profile::kMostFrames; ++i) deep.stack.push(named("recursion"));
  deep.stack.push(named("leaf"));
  profile.add(deep);
  const std::string text = text_of(profile);
  EXPECT_TRUE(text.starts_with("worker;[truncated];recursion;")) << text.substr(0, 80);
  EXPECT_TRUE(text.ends_with(";recursion;leaf 1\n"));
  EXPECT_EQ(text.find("root"), std::string::npos);
}

TEST(ProfileTest, WhatFindsNoRoomIsCountedAsOther) {
  Profile profile({.max_bytes = 20'000});
  uint64_t weight = 0;
  for (int i = 0; i < 1000; ++i) {
    profile.add(sample({("f" + std::to_string(i)).c_str(), "main"}, 3));
    weight += 3;
  }
  EXPECT_EQ(profile.total_weight(), weight);
  EXPECT_GT(profile.overflowed(), 0U);
  EXPECT_LT(profile.overflowed(), 1000U);
  EXPECT_LT(profile.bytes(), 30'000U);
  const auto other = std::find_if(
      profile.entries().begin(), profile.entries().end(),
      [](const Profile::Entry& entry) { return entry.stack == Profile::kOverflowStack; });
  ASSERT_NE(other, profile.entries().end());
  EXPECT_EQ(other->count, profile.overflowed());
  EXPECT_EQ(other->weight, 3 * profile.overflowed());
  const auto before = profile.overflowed();
  profile.add(sample({"f0", "main"}));
  EXPECT_EQ(profile.overflowed(), before) << "what is known has room";
}

TEST(ProfileTest, AFullProfileKeepsNoStackThatOthersHave) {
  Profile profile({.max_bytes = 20'000});
  const Sample callers = sample({"main"});
  const auto keeps = [&](const std::string& leaf) {
    Sample one = callers;
    one.stack.push(named(leaf.c_str()));
    {
      const Stack another_holder = one.stack;
      profile.add(one);
    }
    return one.stack.is_shared();
  };
  EXPECT_TRUE(keeps("first"));
  for (int i = 0; profile.overflowed() == 0 && i < 1000; ++i) keeps("f" + std::to_string(i));
  ASSERT_GT(profile.overflowed(), 0U);
  EXPECT_FALSE(keeps("last")) << "its labels are known, its stack is not";
}

TEST(ProfileTest, AFullProfileKeepsNothingOfNewSamples) {
  Profile profile({.max_bytes = 0});
  const size_t bytes = profile.bytes();
  for (int i = 0; i < 100; ++i) profile.add(sample({("f" + std::to_string(i)).c_str()}));
  EXPECT_EQ(profile.entries().size(), 1U);
  EXPECT_EQ(profile.frames().size(), 1U);
  EXPECT_EQ(profile.labels().size(), 1U);
  EXPECT_LT(profile.bytes(), bytes + 200);
}

TEST(ProfileTest, OrderDoesNotDependOnTheOrderOfSamples) {
  std::vector<Sample> samples;
  for (const char* const leaf : {"x", "y", "z"}) {
    for (const char* const middle : {"b", "a"}) {
      samples.push_back(sample({leaf, middle, "main"}));
      samples.push_back(sample({middle, "main"}));
      samples.push_back(sample({leaf, middle}));
      samples.back().thread_name = middle;
    }
  }
  const auto merged = [&samples] {
    Profile profile({});
    for (const Sample& one : samples) profile.add(one);
    return text_of(profile);
  };
  const std::string expected = merged();
  std::mt19937 random(1);
  for (int i = 0; i < 20; ++i) {
    std::shuffle(samples.begin(), samples.end(), random);
    EXPECT_EQ(merged(), expected);
  }
  EXPECT_TRUE(expected.starts_with("a;a;x 1\n")) << expected;
}

TEST(ProfileTest, TimeOfAWeightIsExactOverSeconds) {
  const Profile cpu({.hz = 19});
  EXPECT_EQ(cpu.nanoseconds(1), 52'631'579U);
  EXPECT_EQ(cpu.nanoseconds(19), 1'000'000'000U);
  EXPECT_EQ(cpu.nanoseconds(19'000'000'000), 1'000'000'000'000'000'000U);
  EXPECT_EQ(cpu.nanoseconds(~uint64_t{0}), ~uint64_t{0});
  EXPECT_EQ(Profile({}).nanoseconds(5), 0U) << "the rate is unknown";
  EXPECT_EQ(Profile({.kind = ProfileKind::kOffCpu}).nanoseconds(5), 5U);
}

}  // namespace
}  // namespace hostlens::model
