// SPDX-License-Identifier: Apache-2.0
#include "aggregators/profile_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hostlens::aggregators {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

std::shared_ptr<const model::Service> service(const std::string& name) {
  auto made = std::make_shared<model::Service>();
  made->name = name;
  return made;
}

model::Sample sample(const std::string& leaf, const std::string& outcome = "complete") {
  model::Sample made;
  made.outcome = outcome;
  model::Frame frame;
  frame.kind = model::Frame::Kind::kNative;
  frame.function = std::make_shared<const model::Function>(model::Function{leaf, {}, {}});
  model::Frame root;
  root.kind = frame.kind;
  made.stack = model::Stack::of(std::vector{frame, root});
  return made;
}

class ProfileMetricsTest : public ::testing::Test {
 protected:
  std::vector<model::MetricPoint> points(const std::string& name, uint64_t now_ns = 0) {
    std::vector<model::MetricFamily> families;
    metrics_.add_families(families, account_, 1, now_ns, 60 * kSecondNs);
    for (const model::MetricFamily& family : families) {
      if (family.name == name) return family.points;
    }
    return {};
  }
  static std::string text(const model::MetricPoint& point, const std::string& key) {
    for (const model::Attribute& attribute : point.attributes) {
      if (attribute.key != key) continue;
      if (const auto* flag = std::get_if<bool>(&attribute.value)) return *flag ? "true" : "false";
      return std::get<std::string>(attribute.value);
    }
    return {};
  }

  ProfileMetrics metrics_{2};
  ProfileAccount account_;
  std::shared_ptr<const model::Service> shop_ = service("shop");
};

TEST_F(ProfileMetricsTest, SamplesAreCountedByServiceAndOutcome) {
  for (int i = 0; i < 3; ++i) metrics_.add(sample("a"), shop_, 1, 0);
  metrics_.add(sample("a", "no_row"), shop_, 1, 0);
  metrics_.add(sample("a"), service("stock"), 1, 0);
  const auto found = points("hostlens.profile.samples");
  ASSERT_EQ(found.size(), 3U);
  for (const auto& point : found) {
    const bool complete_of_shop = point.service == shop_ && text(point, "outcome") == "complete";
    EXPECT_EQ(std::get<int64_t>(point.value), complete_of_shop ? 3 : 1);
  }
}

TEST_F(ProfileMetricsTest, FramesAreCountedByWhetherTheyHaveAName) {
  metrics_.add(sample("a"), shop_, 1, 0);
  const auto found = points("hostlens.profile.frames");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(text(found[0], "named"), "false");
  EXPECT_EQ(text(found[1], "named"), "true");
  EXPECT_EQ(text(found[1], "kind"), "native");
  EXPECT_EQ(std::get<int64_t>(found[1].value), 1);
}

TEST_F(ProfileMetricsTest, TheFunctionsWithTheMostTimeAreShown) {
  metrics_.add(sample("little"), shop_, kSecondNs, 0);
  metrics_.add(sample("most"), shop_, 3 * kSecondNs, 0);
  metrics_.add(sample("more"), shop_, 2 * kSecondNs, 0);
  const auto found = points("hostlens.profile.cpu.time");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(text(found[0], "function"), "most");
  EXPECT_DOUBLE_EQ(std::get<double>(found[0].value), 3);
  EXPECT_EQ(text(found[1], "function"), "more");
}

TEST_F(ProfileMetricsTest, AFunctionThatComesBackHasNotLostItsTime) {
  metrics_.add(sample("c"), shop_, kSecondNs, 0);
  metrics_.add(sample("a"), shop_, 2 * kSecondNs, 0);
  metrics_.add(sample("b"), shop_, 2 * kSecondNs, 0);
  EXPECT_EQ(points("hostlens.profile.cpu.time").size(), 2U);
  metrics_.add(sample("c"), shop_, 9 * kSecondNs, 0);
  EXPECT_DOUBLE_EQ(std::get<double>(points("hostlens.profile.cpu.time").front().value), 10);
}

TEST_F(ProfileMetricsTest, TimesOffCpuAreNoCpuTime) {
  metrics_.add(sample("a"), shop_, 0, 0);
  EXPECT_TRUE(points("hostlens.profile.cpu.time").empty());
  EXPECT_FALSE(points("hostlens.profile.samples").empty());
}

TEST_F(ProfileMetricsTest, AServiceWithoutSamplesIsForgotten) {
  metrics_.add(sample("a"), shop_, 1, kSecondNs);
  EXPECT_FALSE(points("hostlens.profile.samples", 61 * kSecondNs).empty());
  EXPECT_TRUE(points("hostlens.profile.samples", 62 * kSecondNs).empty());
}

TEST_F(ProfileMetricsTest, MoreServicesAndFunctionsThanFitAreNotKept) {
  for (int i = 0; i < 5'000; ++i) metrics_.add(sample(std::to_string(i)), shop_, 1, 0);
  metrics_.set_functions(10'000);
  EXPECT_EQ(points("hostlens.profile.cpu.time").size(), 4'096U);
  std::vector<std::shared_ptr<const model::Service>> many;
  for (int i = 0; i < 2'000; ++i) {
    many.push_back(service("s"));
    metrics_.add(sample("a"), many.back(), 1, 0);
  }
  EXPECT_EQ(points("hostlens.profile.samples").size(), 1'000U);
}

TEST_F(ProfileMetricsTest, WhyFilesGaveNoNamesIsToldWhereItHappened) {
  account_.refused = {{"gone", 0}, {"too_large", 2}};
  const auto found = points("hostlens.profile.symbols.refused");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(text(found[0], "reason"), "too_large");
  EXPECT_EQ(std::get<int64_t>(found[0].value), 2);
}

TEST_F(ProfileMetricsTest, WhatServersDidIsToldWhereSomeWereAsked) {
  EXPECT_TRUE(points("hostlens.profile.symbols.downloads").empty());
  account_.downloads = {{"stored", 3}, {"timeout", 0}};
  const auto found = points("hostlens.profile.symbols.downloads");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(text(found[0], "outcome"), "stored");
  EXPECT_EQ(std::get<int64_t>(found[0].value), 3);
}

}  // namespace
}  // namespace hostlens::aggregators
