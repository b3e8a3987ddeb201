// SPDX-License-Identifier: Apache-2.0
// What can be known of flame graphs without a browser; tests/ui opens them in one.
#include "exporters/profile/flame_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "exporters/profile/folded.h"
#include "exporters/profile/markup.h"
#include "unit/exporters/profile/scene.h"

namespace hostlens::exporters::profile {
namespace {

using Json = nlohmann::json;

Json data_of(const std::string& page) {
  const std::string begin = R"(<script type="application/json" id="profile">)";
  const size_t at = page.find(begin) + begin.size();
  return Json::parse(page.substr(at, page.find("</script>", at) - at));
}

size_t count(const std::string& text, const std::string& what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

model::Profile wide_profile(int functions) {
  model::Profile profile({.hz = 99, .max_bytes = 256U << 20U});
  for (int i = 0; i < functions; ++i) {
    profile.add(
        scene::sample("p", 1, "t", 1 + static_cast<uint64_t>(i % 1000),
                      {scene::frame(model::Frame::Kind::kNative, "f" + std::to_string(i))}));
  }
  return profile;
}

TEST(StackTreeTest, TotalsAreSumsOfChildrenAndOfTheNodeItself) {
  for (const auto& profile :
       {scene::cpu_profile(), scene::off_cpu_profile(), scene::hostile_profile()}) {
    const StackTree tree = tree_of(profile);
    EXPECT_EQ(tree.totals()[0], profile.total_weight());
    std::vector<uint64_t> sums(tree.nodes.size(), 0);
    for (size_t i = 1; i < tree.nodes.size(); ++i) {
      ASSERT_LT(tree.nodes[i].parent, i);
      sums[tree.nodes[i].parent] += tree.nodes[i].total[0];
    }
    for (size_t i = 0; i < tree.nodes.size(); ++i) {
      EXPECT_EQ(tree.nodes[i].total[0], sums[i] + tree.nodes[i].self[0]);
    }
  }
}

TEST(StackTreeTest, PruningTakesTheSmallestAndLeavesTheirWeight) {
  StackTree tree = tree_of(wide_profile(1000));
  const auto totals = tree.totals();
  prune(tree, 100);
  EXPECT_LE(tree.nodes.size(), 100U);
  EXPECT_GT(tree.nodes.size(), 50U);
  EXPECT_EQ(tree.totals(), totals);
  for (size_t i = 2; i < tree.nodes.size(); ++i) EXPECT_GT(tree.nodes[i].total[0], 900U);
}

TEST(FlameGraphTest, ThePageHoldsTheWholeTree) {
  const Json data = data_of(flame_graph_page(tree_of(scene::cpu_profile()), "t"));
  EXPECT_EQ(data.at("nodes").size() % 4, 0U);
  EXPECT_EQ(data.at("nodes")[2], 130);
  EXPECT_EQ(data.at("unit"), "samples");
  EXPECT_EQ(data.at("hz"), 19);
  EXPECT_EQ(data.at("hidden"), 0);
}

TEST(FlameGraphTest, NamesCannotLeaveTheirPlace) {
  const model::Profile profile = scene::hostile_profile();
  const std::string page = flame_graph_page(tree_of(profile), *scene::kHostileNames.begin());
  EXPECT_EQ(count(page, "<script"), 2U);
  EXPECT_EQ(count(page, "</script>"), 2U);
  EXPECT_EQ(count(page, "<img"), 0U);
  EXPECT_EQ(count(page, "<!--"), 0U);
  EXPECT_EQ(base::valid_utf8_prefix(page), page.size());
  data_of(page);

  const std::string picture = flame_graph_picture(tree_of(profile), *scene::kHostileNames.begin());
  EXPECT_EQ(count(picture, "<script"), 1U);
  EXPECT_EQ(count(picture, "]]>"), 1U);
  EXPECT_EQ(count(picture, "<img"), 0U);
  EXPECT_EQ(base::valid_utf8_prefix(picture), picture.size());
}

TEST(FlameGraphTest, ThePageAllowsItsOwnScriptAlone) {
  const std::string page = flame_graph_page(tree_of(scene::cpu_profile()), "t");
  EXPECT_NE(page.find("default-src 'none'; script-src 'sha256-"), std::string::npos);
  EXPECT_EQ(page.find("unsafe"), std::string::npos);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
  EXPECT_EQ(page.find("{{"), std::string::npos);
}

TEST(FlameGraphTest, FilesAreBoundedAndSayWhatIsLeftOut) {
  const model::Profile wide = wide_profile(2000);
  const Json data = data_of(flame_graph_page(tree_of(wide), "t", 500));
  const size_t nodes = data.at("nodes").size() / 4;
  EXPECT_LE(nodes, 500U);
  EXPECT_GT(nodes, 400U);
  EXPECT_EQ(nodes + data.at("hidden").get<size_t>(), 2002U);
  const std::string picture = flame_graph_picture(tree_of(wide), "t", 500);
  EXPECT_LE(count(picture, "<rect class"), 500U);
  EXPECT_NE(picture.find("narrow boxes are left out"), std::string::npos);
}

TEST(FlameGraphTest, OneOfTwoProfilesMayBeEmpty) {
  const model::Profile empty({.hz = 19});
  for (const auto& tree : {tree_of(empty, scene::cpu_profile()),
                           tree_of(scene::cpu_profile(), empty), tree_of(empty, empty)}) {
    const std::string picture = flame_graph_picture(tree, "t");
    EXPECT_NE(picture.find("width=\"1180.000\""), std::string::npos);
    EXPECT_EQ(picture.find("nan"), std::string::npos);
    EXPECT_EQ(picture.find("inf\""), std::string::npos);
    data_of(flame_graph_page(tree, "t"));
  }
}

TEST(MarkupTest, TemplatesAreFilledOnceAndOnlyWithWhatTheyName) {
  EXPECT_EQ(fill_template("a {{x}} {{y}} {{z}} }}", {{"x", "{{y}}"}, {"y", "2"}}),
            "a {{y}} 2 {{z}} }}");
  EXPECT_EQ(fill_template("{{x", {{"x", "1"}}), "{{x");
}

}  // namespace
}  // namespace hostlens::exporters::profile
