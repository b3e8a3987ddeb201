// SPDX-License-Identifier: Apache-2.0
#include "processors/route_templater.h"

#include <gtest/gtest.h>

#include <string>

namespace hostlens::processors {
namespace {

struct SegmentCase {
  const char* segment;
  const char* placeholder;
};

class SegmentPlaceholderTest : public testing::TestWithParam<SegmentCase> {};

TEST_P(SegmentPlaceholderTest, TellsIdentifiersFromWords) {
  EXPECT_EQ(segment_placeholder(GetParam().segment), GetParam().placeholder) << GetParam().segment;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SegmentPlaceholderTest,
    testing::Values(
        SegmentCase{"17", "{id}"}, SegmentCase{"0", "{id}"}, SegmentCase{"12-34", "{id}"},
        SegmentCase{"3.14", "{id}"}, SegmentCase{"users", ""}, SegmentCase{"v2", ""},
        SegmentCase{"oauth2", ""}, SegmentCase{"index.html", ""}, SegmentCase{"", ""},
        SegmentCase{"getUserById", ""}, SegmentCase{"deadbeef", ""},
        SegmentCase{"a1b2c3d4", "{hash}"}, SegmentCase{"DA39A3EE5E6B4B0D", "{hash}"},
        SegmentCase{"550e8400-e29b-41d4-a716-446655440000", "{uuid}"},
        SegmentCase{"2026-11-24", "{date}"}, SegmentCase{"2026-11-24T10:58:44", "{date}"},
        SegmentCase{"jane@example.org", "{email}"},
        SegmentCase{"dGhpcyBpcyBhIHRva2Vu9A1", "{token}"},
        SegmentCase{"user_12345678901234", "{token}"}, SegmentCase{"application-settings-v2", ""}));

RouteTemplater make(RouteSettings settings = {}) {
  auto templater = RouteTemplater::create(std::move(settings));
  EXPECT_TRUE(templater.has_value());
  return *std::move(templater);
}

TEST(RouteTemplaterTest, ReplacesIdentifiersInPaths) {
  RouteTemplater templater = make();
  EXPECT_EQ(templater.route(1, "/", true), "/");
  EXPECT_EQ(templater.route(1, "/users/17/orders/", true), "/users/{id}/orders/");
  EXPECT_EQ(templater.route(1, "*", true), "");
}

TEST(RouteTemplaterTest, PrefersTheOperatorsPatterns) {
  RouteTemplater templater = make({{"/users/{id}/orders/{order}", "/static/*", "/"}});
  EXPECT_EQ(templater.route(1, "/users/jane/orders/x", true), "/users/{id}/orders/{order}");
  EXPECT_EQ(templater.route(1, "/users/jane/orders", true), "/users/jane/orders");
  EXPECT_EQ(templater.route(1, "/static/a/b/c.css", true), "/static/*");
  EXPECT_EQ(templater.route(1, "/static", true), "/static/*");
  EXPECT_EQ(templater.configured_route("/users/jane/orders/x"), "/users/{id}/orders/{order}");
  EXPECT_EQ(templater.configured_route("/users//orders/x"), "");
  EXPECT_EQ(templater.configured_route("/"), "/");
  EXPECT_EQ(templater.configured_route("/other"), "");
}

TEST(RouteTemplaterTest, RefusesPatternsThatCannotMatch) {
  EXPECT_FALSE(RouteTemplater::create({{"users/{id}"}}).has_value());
  EXPECT_FALSE(RouteTemplater::create({{"/a/*/b"}}).has_value());
  EXPECT_FALSE(RouteTemplater::create({{"/a/b*"}}).has_value());
}

TEST(RouteTemplaterTest, BoundsRoutesPerServiceAndCounts) {
  RouteSettings settings;
  settings.routes_per_service = 10;
  RouteTemplater templater = make(settings);
  for (char c = 'a'; c <= 'z'; ++c) (void)templater.route(1, std::string("/") + c, true);
  EXPECT_EQ(templater.route(1, "/a", true), "/a") << "known ones stay";
  EXPECT_EQ(templater.route(1, "/z", true), "");
  EXPECT_EQ(templater.route(2, "/z", true), "/z") << "another service has its own limit";
  EXPECT_EQ(templater.overflowed(), 17U);
}

TEST(RouteTemplaterTest, LearnsOnlyWhatItIsToldTo) {
  RouteTemplater templater = make();
  EXPECT_EQ(templater.route(1, "/maybe", false), "");
  EXPECT_EQ(templater.route(1, "/maybe", true), "/maybe");
  EXPECT_EQ(templater.route(1, "/maybe", false), "/maybe");
  EXPECT_EQ(templater.route(1, "/" + std::string(5000, 'x'), true), "");
}

}  // namespace
}  // namespace hostlens::processors
