// SPDX-License-Identifier: Apache-2.0
#include "agent/trace_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace hostlens::agent {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

json span(const std::string& id, const std::string& parent, const std::string& service,
          uint64_t start_ns = 1000, uint64_t end_ns = 2000) {
  json out = {{"span_id", id},
              {"name", "GET /" + id},
              {"kind", "server"},
              {"status", "unset"},
              {"start_unix_ns", start_ns},
              {"end_unix_ns", end_ns},
              {"service", service},
              {"attributes", {{"http.response.status_code", 200}}}};
  if (!parent.empty()) out["parent_span_id"] = parent;
  return out;
}

/// Lists, not JSON: what {one} makes of JSON is not the same with every compiler.
json trace(const std::string& id, const std::vector<json>& spans) {
  return json::object({{"trace_id", id}, {"spans", spans}});
}

std::string document(const std::vector<json>& traces) {
  return json::object({{"traces", traces}}).dump();
}

/// The lines of the tree without the first, which names the trace; none on an error.
std::vector<std::string> tree(const std::string& text, size_t width = 100) {
  const auto made = trace_tree(text, width);
  EXPECT_TRUE(made) << made.error().text();
  if (!made) return {};
  std::vector<std::string> out;
  std::istringstream in(*made);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  if (!out.empty()) out.erase(out.begin());
  return out;
}

size_t columns(const std::string& line) {
  return static_cast<size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

TEST(TraceTreeTest, ChoosesMostServicesThenMostSpansThenTheNewest) {
  const auto chosen = [](const std::vector<json>& traces) {
    return trace_tree(document(traces), 100)->substr(6, 1);
  };
  const json one = trace("1", {span("a", "", "x"), span("b", "a", "x"), span("c", "b", "x")});
  const json two = trace("2", {span("a", "", "x"), span("b", "a", "y")});
  const json more = trace("3", {span("a", "", "x"), span("b", "a", "y"), span("c", "b", "y")});
  const json newer = trace("4", {span("a", "", "x", 5000, 6000), span("b", "a", "y", 5000, 6000)});
  EXPECT_EQ(chosen({one, two}), "2");
  EXPECT_EQ(chosen({more, two}), "3");
  EXPECT_EQ(chosen({two, newer}), "4");
  EXPECT_EQ(chosen({newer, two}), "4");
}

TEST(TraceTreeTest, DrawsChildrenUnderTheirParentsByStart) {
  const auto lines =
      tree(document({trace("1", {span("late", "root", "s", 1500), span("leaf", "early", "s"),
                                 span("early", "root", "s", 1100), span("root", "", "s")})}));
  EXPECT_THAT(lines, ElementsAre(StartsWith("s server GET /root 200"),
                                 StartsWith("├─ s server GET /early 200"),
                                 StartsWith("│  └─ s server GET /leaf 200"),
                                 StartsWith("└─ s server GET /late 200")));
}

TEST(TraceTreeTest, SpansWhoseParentIsElsewhereAreRoots) {
  const auto lines =
      tree(document({trace("1", {span("a", "remote", "s"), span("b", "missing", "s")})}));
  EXPECT_THAT(lines, ElementsAre(StartsWith("s server GET /a"), StartsWith("s server GET /b")));
}

TEST(TraceTreeTest, MarksErrorsAndShowsDurations) {
  json failed = span("a", "", "s", 1'000'000'000, 1'250'000'000);
  failed["status"] = "error";
  failed["attributes"]["http.response.status_code"] = 503;
  const auto lines = tree(document({trace("1", {failed})}));
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("503 ERROR"));
  EXPECT_THAT(lines[0], HasSubstr("250 ms"));
}

TEST(TraceTreeTest, NoTraceIsNoText) {
  EXPECT_EQ(*trace_tree(document({}), 100), "");
  EXPECT_EQ(*trace_tree(document({trace("1", {})}), 100), "");
}

TEST(TraceTreeTest, ParentsInACircleNeitherHangNorLoseSpans) {
  const auto lines = tree(document(
      {trace("1", {span("a", "b", "s"), span("b", "a", "s"), span("self", "self", "s")})}));
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0] + lines[1] + lines[2], HasSubstr("GET /b"));
}

TEST(TraceTreeTest, IdsThatOccurTwiceDoNotMultiply) {
  std::vector<json> spans;
  for (int level = 0; level < 20; ++level) {
    for (int twin = 0; twin < 10; ++twin) {
      spans.push_back(
          span(std::to_string(level), level == 0 ? "" : std::to_string(level - 1), "s"));
    }
  }
  EXPECT_THAT(tree(document({trace("1", spans)})), SizeIs(200));
  const json nameless = span("", "", "s");
  EXPECT_THAT(tree(document({trace("1", {nameless, nameless, nameless})})), SizeIs(3));
}

TEST(TraceTreeTest, DeepAndLongTracesStayWithinTheScreen) {
  std::vector<json> spans;
  for (int i = 0; i < 500; ++i) {
    spans.push_back(
        span(std::to_string(i), i == 0 ? "" : std::to_string(i - 1), std::string(90, 's')));
  }
  for (const size_t width : {65U, 80U, 100U, 200U}) {
    const auto lines = tree(document({trace("1", spans)}), width);
    EXPECT_THAT(lines, SizeIs(200));  // at most so many
    for (const std::string& line : lines) EXPECT_LE(columns(line), width) << line;
  }
}

TEST(TraceTreeTest, AnEndBeforeItsStartTakesNoTime) {
  const auto lines = tree(
      document({trace("1", {span("a", "", "s", 5000, 1000), span("b", "a", "s", 6000, 7000)})}));
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("0.00 us"));
}

TEST(TraceTreeTest, TheLargestTimesAreDrawn) {
  const auto lines = tree(document({trace(
      "1", {span("a", "", "s", 0, UINT64_MAX), span("b", "a", "s", UINT64_MAX, UINT64_MAX)})}));
  EXPECT_THAT(lines, SizeIs(2));
}

TEST(TraceTreeTest, HostileTextsAreMadeHarmless) {
  json bad = span("a", "", "s\x1b[2J");
  bad["name"] = "x\u009b2J\n\u202e";
  bad["kind"] = "\r";
  const auto made = trace_tree(document({trace("\x1b[31m", {bad})}), 100);
  ASSERT_TRUE(made);
  EXPECT_THAT(*made, Not(HasSubstr("\x1b")));
  EXPECT_THAT(*made, Not(HasSubstr("\r")));
  EXPECT_THAT(*made, Not(HasSubstr("\u009b")));
  EXPECT_EQ(std::count(made->begin(), made->end(), '\n'), 2);
}

TEST(TraceTreeTest, RefusesWhatNoAgentAnswers) {
  const auto refused = [](const std::string& text) {
    const auto made = trace_tree(text, 100);
    return !made && made.error().kind == base::Error::Kind::kInvalid;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("<html>"));
  EXPECT_TRUE(refused("[]"));
  EXPECT_TRUE(refused("{}"));
  EXPECT_TRUE(refused(R"({"traces":7})"));
  EXPECT_TRUE(refused(R"({"traces":[{"spans":[{}]}]})"));
  EXPECT_TRUE(refused(R"({"traces":[{"spans":[1]}]})"));
  EXPECT_TRUE(refused(std::string(1'000'000, '[')));
  const auto with = [](const char* key, json value) {
    json changed = span("a", "", "s");
    changed[key] = std::move(value);
    return document({trace("1", {changed})});
  };
  EXPECT_TRUE(refused(with("start_unix_ns", -1)));
  EXPECT_TRUE(refused(with("end_unix_ns", 1e300)));
  EXPECT_TRUE(refused(with("end_unix_ns", "soon")));
  EXPECT_TRUE(refused(with("name", nullptr)));
  EXPECT_TRUE(refused(with("parent_span_id", 7)));
  EXPECT_TRUE(refused(with("attributes", {{"http.response.status_code", 1e300}})));
}

}  // namespace
}  // namespace hostlens::agent
