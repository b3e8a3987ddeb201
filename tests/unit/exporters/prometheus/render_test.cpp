// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/render.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "unit/exporters/prometheus/sample_snapshot.h"

namespace hostlens::exporters::prometheus {
namespace {

using model::MetricKind;
using model::MetricPoint;
using model::MetricSnapshot;

constexpr const char* kOpenMetrics = "application/openmetrics-text;version=1.0.0";

std::vector<std::string> lines_of(const std::string& body) {
  std::vector<std::string> lines;
  std::istringstream stream(body);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// Name and labels of each sample.
std::vector<std::string> series_of(const std::string& body) {
  std::vector<std::string> series;
  for (const std::string& line : lines_of(body)) {
    if (line.starts_with('#')) continue;
    const size_t exemplar = line.find(" # {");
    const std::string sample = line.substr(0, exemplar);
    series.push_back(sample.substr(0, sample.rfind(' ')));
  }
  return series;
}

void expect_no_duplicates(const std::string& body) {
  const auto series = series_of(body);
  const std::set<std::string> unique(series.begin(), series.end());
  EXPECT_EQ(unique.size(), series.size()) << body;
}

MetricSnapshot with_points(MetricKind kind, std::vector<MetricPoint> points) {
  MetricSnapshot snapshot;
  auto family = make_family("a.metric", "", kind);
  family.points = std::move(points);
  snapshot.families = {family};
  return snapshot;
}

MetricPoint point_of(std::shared_ptr<const model::Service> service, model::Attributes attributes,
                     int64_t value) {
  MetricPoint point;
  point.service = std::move(service);
  point.attributes = std::move(attributes);
  point.value = value;
  return point;
}

constexpr const char* kBuckets[] = {
    "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.075",
    "0.1",    "0.25",    "0.5",    "0.75",  "1.0",    "2.5",   "5.0",  "7.5",   "10.0", "+Inf"};

std::string sample_buckets(const std::string& exemplar) {
  std::string text;
  for (const std::string bucket : kBuckets) {
    const int count = bucket == "+Inf" ? 4 : std::stod(bucket) < 0.5 ? 1 : 3;
    text +=
        "http_server_request_duration_seconds_bucket{service_name=\"shop\","
        "service_namespace=\"store\",http_request_method=\"GET\","
        "http_response_status_code=\"200\",http_route=\"/users/{id}\",le=\"" +
        bucket + "\"} " + std::to_string(count) + (bucket == "0.5" ? exemplar : "") + "\n";
  }
  for (const std::string rest : {"sum", "count"}) {
    text += "http_server_request_duration_seconds_" + rest +
            "{service_name=\"shop\",service_namespace=\"store\",http_request_method=\"GET\","
            "http_response_status_code=\"200\",http_route=\"/users/{id}\"} " +
            (rest == "sum" ? "10.6" : "4") + "\n";
  }
  return text;
}

constexpr const char* kTargets =
    "target_info{service_name=\"hostlens\",service_instance_id=\"agent-1\",host_name=\"h1\"} 1\n"
    "target_info{service_name=\"shop\",service_namespace=\"store\",service_instance_id=\"i-1\","
    "container_command_args=\"[\\\"a\\\",\\\"b\\\"]\",host_name=\"h1\"} 1\n";

TEST(RenderTest, WritesTextByDefault) {
  const Exposition page = render(sample_snapshot(), "");
  EXPECT_EQ(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(page.body,
            "# HELP http_server_request_duration_seconds What it says.\n"
            "# TYPE http_server_request_duration_seconds histogram\n" +
                sample_buckets("") +
                "# HELP http_server_active_requests What it says.\n"
                "# TYPE http_server_active_requests gauge\n"
                "http_server_active_requests{service_name=\"shop\",service_namespace=\"store\"} 3\n"
                "# HELP hostlens_records_total Records by \"stage\"\\\\\\nand outcome.\n"
                "# TYPE hostlens_records_total counter\n"
                "hostlens_records_total{service_name=\"hostlens\",outcome=\"received\","
                "stage=\"kernel\"} 9007199254740993\n"
                "# HELP hostlens_records_held What it says.\n"
                "# TYPE hostlens_records_held gauge\n"
                "hostlens_records_held{service_name=\"hostlens\","
                "stage=\"ke\\\"rn\\\\el\\n\"} 0.1\n"
                "# HELP target_info Resource attributes of each service.\n"
                "# TYPE target_info gauge\n" +
                kTargets);
}

TEST(RenderTest, WritesOpenMetricsWithUnitsExemplarsAndItsEnd) {
  const std::string exemplar =
      " # {trace_id=\"0a0b0000000000000000000000000000\",span_id=\"c000000000000000\"} 0.3 "
      "1700000050.000000007";
  const Exposition page = render(sample_snapshot(), kOpenMetrics);
  EXPECT_EQ(page.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(page.body,
            "# HELP http_server_request_duration_seconds What it says.\n"
            "# TYPE http_server_request_duration_seconds histogram\n"
            "# UNIT http_server_request_duration_seconds seconds\n" +
                sample_buckets(exemplar) +
                "# HELP http_server_active_requests What it says.\n"
                "# TYPE http_server_active_requests gauge\n"
                "http_server_active_requests{service_name=\"shop\",service_namespace=\"store\"} 3\n"
                "# HELP hostlens_records Records by \\\"stage\\\"\\\\\\nand outcome.\n"
                "# TYPE hostlens_records counter\n"
                "hostlens_records_total{service_name=\"hostlens\",outcome=\"received\","
                "stage=\"kernel\"} 9007199254740993" +
                exemplar +
                "\n# HELP hostlens_records_held What it says.\n"
                "# TYPE hostlens_records_held gauge\n"
                "hostlens_records_held{service_name=\"hostlens\","
                "stage=\"ke\\\"rn\\\\el\\n\"} 0.1\n"
                "# HELP target Resource attributes of each service.\n"
                "# TYPE target info\n" +
                kTargets + "# EOF\n");
}

TEST(RenderTest, AnEmptySnapshotIsAnEmptyPage) {
  EXPECT_EQ(render({}, "").body, "");
  EXPECT_EQ(render({}, kOpenMetrics).body, "# EOF\n");
  MetricSnapshot snapshot;
  snapshot.families = {make_family("no.points", "s", MetricKind::kHistogram)};
  EXPECT_EQ(render(snapshot, "").body, "");
}

TEST(RenderTest, SpellsNumbersAsPrometheusDoes) {
  MetricSnapshot snapshot = with_points(MetricKind::kGauge, {});
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity(), 0.1, 1e300}) {
    MetricPoint point =
        point_of(nullptr, {{"i", std::to_string(snapshot.families[0].points.size())}}, 0);
    point.value = value;
    snapshot.families[0].points.push_back(point);
  }
  EXPECT_EQ(render(snapshot, "").body,
            "# HELP a_metric What it says.\n# TYPE a_metric gauge\n"
            "a_metric{i=\"0\"} NaN\na_metric{i=\"1\"} +Inf\na_metric{i=\"2\"} -Inf\n"
            "a_metric{i=\"3\"} 0.1\na_metric{i=\"4\"} 1e+300\n");
}

TEST(RenderTest, OnlyServicesOfTheSameNameGetTheirInstance) {
  const auto one = make_service("web", "", "i-1");
  const auto two = make_service("web", "", "i-2");
  const auto three = make_service("web", "other", "i-3");
  const std::string body =
      render(with_points(MetricKind::kCounter,
                         {point_of(one, {}, 1), point_of(two, {}, 2), point_of(three, {}, 3)}),
             "")
          .body;
  const std::vector<std::string> expected = {
      "a_metric_total{service_name=\"web\",service_instance_id=\"i-1\"}",
      "a_metric_total{service_name=\"web\",service_instance_id=\"i-2\"}",
      "a_metric_total{service_name=\"web\",service_namespace=\"other\"}",
      "target_info{service_name=\"web\",service_instance_id=\"i-1\"}",
      "target_info{service_name=\"web\",service_instance_id=\"i-2\"}",
      "target_info{service_name=\"web\",service_namespace=\"other\",service_instance_id=\"i-3\"}"};
  EXPECT_EQ(series_of(body), expected);
}

TEST(RenderTest, AReplacedServiceObjectIsTheSameService) {
  const auto before = make_service("web", "", "i", {{"service.version", "1"}});
  const auto after = make_service("web", "", "i", {{"service.version", "2"}});
  MetricPoint old_point = point_of(before, {}, 40);
  MetricPoint new_point = point_of(after, {}, 2);
  old_point.start_unix_ns = 1;
  new_point.start_unix_ns = 2;
  EXPECT_EQ(
      render(with_points(MetricKind::kCounter, {new_point, old_point}), "").body,
      "# HELP a_metric_total What it says.\n# TYPE a_metric_total counter\n"
      "a_metric_total{service_name=\"web\"} 42\n"
      "# HELP target_info Resource attributes of each service.\n# TYPE target_info gauge\n"
      "target_info{service_name=\"web\",service_instance_id=\"i\",service_version=\"2\"} 1\n");
  const std::string gauge =
      render(with_points(MetricKind::kGauge, {new_point, old_point}), "").body;
  EXPECT_NE(gauge.find("a_metric{service_name=\"web\"} 2\n"), std::string::npos) << gauge;
}

TEST(RenderTest, LabelNamesThatCollideAreJoinedAndTheServicesOwnWin) {
  const std::string body =
      render(
          with_points(
              MetricKind::kGauge,
              {point_of(make_service("web", "", ""),
                        {{"a.b", "1"}, {"a_b", "2"}, {"le", "3"}, {"service.name", "liar"}}, 7)}),
          "")
          .body;
  EXPECT_EQ(series_of(body)[0], "a_metric{service_name=\"web\",a_b=\"1;2\",key_le=\"3\"}");
}

TEST(RenderTest, FamiliesNeverShareASampleName) {
  MetricSnapshot snapshot;
  for (const auto& [name, kind] :
       std::map<std::string, MetricKind>{{"a.b", MetricKind::kHistogram},
                                         {"a.b.count", MetricKind::kGauge},
                                         {"a_b", MetricKind::kCounter},
                                         {"target.info", MetricKind::kGauge},
                                         {"z", MetricKind::kGauge}}) {
    auto family = make_family(name, "", kind);
    family.points = {point_of(nullptr, {}, 1)};
    if (kind == MetricKind::kHistogram) family.points[0].value = model::ExponentialHistogram{};
    snapshot.families.push_back(family);
  }
  const std::string body = render(snapshot, "").body;
  expect_no_duplicates(body);
  std::set<std::string> types;
  for (const std::string& line : lines_of(body)) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(types.insert(line).second) << line;
    }
  }
  EXPECT_EQ(types, (std::set<std::string>{"# TYPE a_b histogram", "# TYPE z gauge"}));
}

TEST(RenderTest, PointsOfAnotherTypeThanTheirFamilyAreLeftOut) {
  EXPECT_EQ(render(with_points(MetricKind::kHistogram, {point_of(nullptr, {}, 1)}), "").body, "");
}

TEST(RenderTest, HostileTextsBecomeValidAndBounded) {
  const std::string hostile[] = {std::string("nul\0end", 7),
                                 "\xff\xfe",
                                 "cut \xe2\x82",
                                 "\xc0\xaf overlong",
                                 "\xed\xa0\x80",
                                 "\xf5\x80\x80\x80",
                                 "line\nfeed",
                                 "\"} 1\n# EOF\nevil 1",
                                 "\\",
                                 "tab\t\r\x1b[31m",
                                 std::string(100'000, 'x'),
                                 std::string(511, 'x') + "\xe2\x82\xac"};
  std::vector<MetricPoint> points;
  for (const std::string& text : hostile) {
    points.push_back(point_of(make_service(text, text, text, {{text, text}}), {{text, text}}, 1));
  }
  MetricSnapshot snapshot = with_points(MetricKind::kCounter, points);
  snapshot.families[0].description = hostile[0] + hostile[7];
  for (const char* accept : {"", kOpenMetrics}) {
    const std::string body = render(snapshot, accept).body;
    EXPECT_EQ(body.find('\0'), std::string::npos);
    EXPECT_EQ(body.find('\r'), std::string::npos);
    EXPECT_EQ(body.find("\xff"), std::string::npos);
    EXPECT_EQ(body.find("\xed\xa0"), std::string::npos);
    EXPECT_LT(body.size(), 60'000u);
    expect_no_duplicates(body);
    for (const std::string& line : lines_of(body)) {
      EXPECT_TRUE(line.starts_with("# ") || line.starts_with("a_metric_total{") ||
                  line.starts_with("target_info{"))
          << line;
    }
  }
  const std::string body = render(snapshot, "").body;
  EXPECT_NE(body.find("service_name=\"nul\xEF\xBF\xBD"
                      "end\""),
            std::string::npos);
  EXPECT_NE(body.find("service_name=\"cut \xEF\xBF\xBD\xEF\xBF\xBD\""), std::string::npos);
}

TEST(RenderTest, RandomSnapshotsHaveNoDuplicateSeriesAndKeepTheirTotals) {
  std::mt19937 random(7);
  const auto pick = [&](std::initializer_list<const char*> words) {
    return std::string(words.begin()[random() % words.size()]);
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::shared_ptr<const model::Service>> services = {nullptr};
    for (int i = 0; i < 6; ++i) {
      services.push_back(make_service(pick({"a", "b", "a\xff"}), pick({"", "n"}),
                                      pick({"", "1", "2"}), {{pick({"k.1", "k_1"}), "v"}}));
    }
    MetricSnapshot snapshot = with_points(MetricKind::kCounter, {});
    snapshot.agent = services[1 + random() % 6];
    int64_t total = 0;
    for (int i = 0; i < 40; ++i) {
      const int64_t value = static_cast<int64_t>(random() % 100);
      total += value;
      snapshot.families[0].points.push_back(
          point_of(services[random() % services.size()],
                   {{pick({"x", "x.y", "x_y", "service.instance.id"}), pick({"", "1", "2"})},
                    {pick({"y", "x-y", "service_namespace"}), pick({"", "1", "\xff", "\xfe"})}},
                   value));
    }
    const std::string body = render(snapshot, "").body;
    expect_no_duplicates(body);
    int64_t seen = 0;
    for (const std::string& line : lines_of(body)) {
      if (line.starts_with("a_metric_total")) seen += std::stoll(line.substr(line.rfind(' ')));
    }
    ASSERT_EQ(seen, total);
  }
}

/// promtool of the PATH, or where HOSTLENS_PROMTOOL points to.
std::string promtool() {
  if (const char* given = std::getenv("HOSTLENS_PROMTOOL")) return given;
  std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');) {
    const std::string candidate = folder + "/promtool";
    if (std::filesystem::exists(candidate)) return candidate;
  }
  return {};
}

TEST(RenderTest, PromtoolFindsNothingToSay) {
  const std::string tool = promtool();
  if (tool.empty()) GTEST_SKIP() << "no promtool on the PATH (Debian package prometheus)";
  const std::string file =
      testing::TempDir() + "hostlens_render_test_" + std::to_string(::getpid()) + ".prom";
  std::ofstream(file) << render(sample_snapshot(), "").body;
  const int status = std::system(
      ("'" + tool + "' check metrics < '" + file + "' > '" + file + ".out' 2>&1").c_str());
  std::stringstream said;
  said << std::ifstream(file + ".out").rdbuf();
  std::filesystem::remove(file);
  std::filesystem::remove(file + ".out");
  EXPECT_EQ(status, 0) << said.str();
}

}  // namespace
}  // namespace hostlens::exporters::prometheus
