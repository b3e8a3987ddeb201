// SPDX-License-Identifier: Apache-2.0
#include "discovery/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace hostlens::discovery {
namespace {

bool fits(std::string_view pattern, std::string_view text) {
  const auto glob = Glob::compile(pattern);
  EXPECT_TRUE(glob) << pattern;
  return glob && glob->matches(text);
}

TEST(GlobTest, MatchesTheWholeText) {
  EXPECT_TRUE(fits("nginx", "nginx"));
  EXPECT_FALSE(fits("nginx", "nginx2"));
  EXPECT_TRUE(fits("*gunicorn*", "python3 /usr/bin/gunicorn a:b"));
  EXPECT_TRUE(fits("/usr/*/nginx", "/usr/local/sbin/nginx"));
  EXPECT_TRUE(fits("python3.?", "python3.9"));
  EXPECT_FALSE(fits("python3.?", "python3.11"));
  EXPECT_TRUE(fits("node[0-9]", "node7"));
  EXPECT_FALSE(fits("node[!0-9]", "node7"));
  EXPECT_TRUE(fits("*", ""));
  EXPECT_TRUE(fits("a*b", std::string("a\n\xFF") + "b"));
}

TEST(GlobTest, OtherCharactersStandForThemselves) {
  EXPECT_FALSE(fits("a.c*", "abc"));
  EXPECT_TRUE(fits("a(b|c)+*", "a(b|c)+x"));
  EXPECT_TRUE(fits("\\*", "*"));
  EXPECT_FALSE(fits("\\*", "x"));
  EXPECT_TRUE(fits("[x", "[x"));
  EXPECT_TRUE(fits("[[:]a", ":a"));
}

TEST(GlobTest, RefusesEmptyAndOversizedPatterns) {
  EXPECT_FALSE(Glob::compile(""));
  EXPECT_FALSE(Glob::compile(std::string(2000, 'a')));
}

TEST(GlobTest, ManyStarsOverAHostileTextStayLinear) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(fits(pattern + "b", std::string(16 * 1024, 'a')));
}

}  // namespace
}  // namespace hostlens::discovery
