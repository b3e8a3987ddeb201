// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/speedscope.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "exporters/profile/folded.h"
#include "unit/exporters/profile/scene.h"

namespace hostlens::exporters::profile {
namespace {

using Json = nlohmann::json;

/// Frames of all stacks exist, and there are as many weights as stacks; returns the sum of these.
uint64_t check(const Json& profile, const Json& frames) {
  EXPECT_EQ(profile.at("type"), "sampled");
  EXPECT_EQ(profile.at("samples").size(), profile.at("weights").size());
  uint64_t sum = 0;
  for (const Json& weight : profile.at("weights")) sum += weight.get<uint64_t>();
  for (const Json& stack : profile.at("samples")) {
    for (const Json& index : stack) EXPECT_LT(index.get<size_t>(), frames.size());
  }
  EXPECT_EQ(profile.at("endValue"), sum);
  EXPECT_EQ(profile.at("startValue"), 0);
  return sum;
}

TEST(SpeedscopeTest, IsOneSampledProfileInNanoseconds) {
  const Json root = Json::parse(write_speedscope(scene::cpu_profile(), "nginx"));
  EXPECT_EQ(root.at("$schema"), "https://www.speedscope.app/file-format-schema.json");
  ASSERT_EQ(root.at("profiles").size(), 1U);
  const Json& profile = root.at("profiles")[0];
  EXPECT_EQ(profile.at("name"), "nginx");
  EXPECT_EQ(profile.at("unit"), "nanoseconds");
  EXPECT_NEAR(static_cast<double>(check(profile, root.at("shared").at("frames"))), 130e9 / 19, 10);
}

TEST(SpeedscopeTest, FramesHaveFileAndLine) {
  const Json root = Json::parse(write_speedscope(scene::cpu_profile(), ""));
  const Json& frames = root.at("shared").at("frames");
  const Json python{
      {"name", "Handler.do_GET (views.py)"}, {"file", "/srv/app/views.py"}, {"line", 12}};
  EXPECT_NE(std::find(frames.begin(), frames.end(), python), frames.end()) << frames.dump(1);
}

TEST(SpeedscopeTest, StacksBeginWithTheThreadAndEndInTheCause) {
  const Json root = Json::parse(write_speedscope(scene::off_cpu_profile(), ""));
  const Json& frames = root.at("shared").at("frames");
  const Json& stack = root.at("profiles")[0].at("samples")[0];
  EXPECT_EQ(frames[stack.front().get<size_t>()].at("name"), "postgres");
  EXPECT_EQ(frames[stack.back().get<size_t>()].at("name").get<std::string>().front(), '[');
  EXPECT_EQ(check(root.at("profiles")[0], frames), scene::off_cpu_profile().total_weight());
}

TEST(SpeedscopeTest, WithoutARateWeightsHaveNoUnit) {
  const auto profile = read_folded("t;a 5\n");
  ASSERT_TRUE(profile);
  const Json root = Json::parse(write_speedscope(*profile, ""));
  EXPECT_EQ(root.at("profiles")[0].at("unit"), "none");
  EXPECT_EQ(check(root.at("profiles")[0], root.at("shared").at("frames")), 5U);
}

TEST(SpeedscopeTest, EmptyAndHostileProfilesAreJson) {
  const Json empty = Json::parse(write_speedscope(model::Profile({.hz = 19}), "\xff"));
  EXPECT_EQ(check(empty.at("profiles")[0], empty.at("shared").at("frames")), 0U);
  const Json hostile = Json::parse(write_speedscope(scene::hostile_profile(), "</script>"));
  check(hostile.at("profiles")[0], hostile.at("shared").at("frames"));
}

TEST(SpeedscopeTest, ADifferenceIsTwoProfilesOfOneListOfFrames) {
  const Json root =
      Json::parse(write_speedscope_diff(scene::cpu_profile(), scene::hostile_profile()));
  ASSERT_EQ(root.at("profiles").size(), 2U);
  EXPECT_EQ(root.at("profiles")[0].at("name"), "before");
  EXPECT_EQ(root.at("profiles")[1].at("name"), "after");
  for (const Json& profile : root.at("profiles")) check(profile, root.at("shared").at("frames"));
}

}  // namespace
}  // namespace hostlens::exporters::profile
