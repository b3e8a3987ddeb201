// SPDX-License-Identifier: Apache-2.0
#include "agent/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "agent/configuration_schema.h"

namespace hostlens::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> errors_of(std::string_view text) {
  return parse_configuration(text, "f.yaml").errors;
}

TEST(ConfigurationTest, AnEmptyFileIsTheDefault) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "targets:\n"}) {
    const ConfigurationOutcome outcome = parse_configuration(text, "f.yaml");
    EXPECT_TRUE(outcome.ok()) << text;
    EXPECT_EQ(outcome.configuration, Configuration{}) << text;
  }
}

TEST(ConfigurationTest, EveryKeyReachesItsSetting) {
  const ConfigurationOutcome outcome = parse_configuration(R"(
listen: "[::1]:8000"
user: daemon
interval: 1m30s
service_name:
  - match: {executable: /usr/bin/node, port: 3000}
    name: shop
targets:
  include:
    - unit: nginx.service
    - {executable: "*/python3*", command_line: "*gunicorn*"}
  exclude: [{pid: 17}]
routes: {patterns: ["/users/{id}", /static/*]}
redaction: {query: redact, keep: [page], arguments: drop}
exporters:
  prometheus: {enabled: false}
  otlp:
    endpoint: https://collector:4318
    protocol: http/protobuf
    headers: {Authorization: Bearer x}
    compression: none
    timeout: 2s
  otlp_json: {path: /var/log/o.jsonl}
limits:
  control_ring: 128KiB
  data_ring: 4MiB
  connections: 100
  series_per_family: 50
  series_idle: 1h
  routes_per_service: 7
  queue: 1MiB
  exchange_timeout: 30s
  outstanding_requests: 3
  target: 512
  recent_spans: 10
  http_connections: 4
)",
                                                           "f.yaml");
  ASSERT_THAT(outcome.errors, SizeIs(0)) << outcome.errors.front();
  const Configuration& c = outcome.configuration;
  EXPECT_EQ(c.listen, (HostPort{"::1", 8000}));
  EXPECT_EQ(c.user, "daemon");
  EXPECT_EQ(c.interval_ns, 90'000'000'000U);
  ASSERT_THAT(c.service_name, SizeIs(1));
  EXPECT_EQ(c.service_name[0].name, "shop");
  EXPECT_THAT(c.service_name[0].match,
              ElementsAre(discovery::ProcessPattern{discovery::ProcessRuleKey::kExecutable,
                                                    "/usr/bin/node"},
                          discovery::ProcessPattern{discovery::ProcessRuleKey::kPort, "3000"}));
  ASSERT_THAT(c.include, SizeIs(2));
  EXPECT_THAT(c.include[0], ElementsAre(discovery::ProcessPattern{discovery::ProcessRuleKey::kUnit,
                                                                  "nginx.service"}));
  EXPECT_THAT(c.include[1], SizeIs(2));
  EXPECT_THAT(
      c.exclude,
      ElementsAre(ElementsAre(discovery::ProcessPattern{discovery::ProcessRuleKey::kPid, "17"})));
  EXPECT_THAT(c.route_patterns, ElementsAre("/users/{id}", "/static/*"));
  EXPECT_TRUE(c.redact_query_values);
  EXPECT_THAT(c.query_keys_kept, ElementsAre("page"));
  EXPECT_EQ(c.arguments, discovery::ArgumentsMode::kDrop);
  EXPECT_FALSE(c.prometheus_enabled);
  EXPECT_EQ(c.otlp.endpoint, "https://collector:4318");
  EXPECT_EQ(c.otlp.protocol, "http/protobuf");
  EXPECT_EQ(c.otlp.headers, (Headers{{"Authorization", "Bearer x"}}));
  EXPECT_EQ(c.otlp.compression, Compression::kNone);
  EXPECT_EQ(c.otlp.timeout_ns, 2'000'000'000U);
  EXPECT_EQ(c.otlp_json_path, "/var/log/o.jsonl");
  const Limits expected{.control_ring_bytes = 128U << 10,
                        .data_ring_bytes = 4U << 20,
                        .connections = 100,
                        .series_per_family = 50,
                        .series_idle_ns = 3'600'000'000'000,
                        .routes_per_service = 7,
                        .queue_bytes = 1U << 20,
                        .exchange_timeout_ns = 30'000'000'000,
                        .outstanding_requests = 3,
                        .target_bytes = 512,
                        .recent_spans = 10,
                        .http_connections = 4};
  EXPECT_EQ(c.limits, expected);
}

struct BadFile {
  const char* text;
  const char* error;
};

class ConfigurationBadFileTest : public ::testing::TestWithParam<BadFile> {};

TEST_P(ConfigurationBadFileTest, SaysWhereAndWhat) {
  EXPECT_THAT(errors_of(GetParam().text), ElementsAre(GetParam().error));
}

constexpr const char* kListenAllowed = "; allowed: HOST:PORT with an IP address, or off";

INSTANTIATE_TEST_SUITE_P(
    Files, ConfigurationBadFileTest,
    ::testing::Values(
        BadFile{"\nlistn: x\n", "f.yaml:2: listn: unknown key; did you mean listen?"},
        BadFile{"frobnicate: 1\n",
                "f.yaml:1: frobnicate: unknown key; allowed: listen, user, interval, service_name, "
                "containers, targets, routes, redaction, signals, exporters, limits, profile, "
                "symbols, checks, health"},
        BadFile{"exporters:\n  oltp:\n    endpoint: x\n",
                "f.yaml:2: exporters.oltp: unknown key; did you mean otlp?"},
        BadFile{"exporters: {otlp: {endpont: x}}\n",
                "f.yaml:1: exporters.otlp.endpont: unknown key; did you mean endpoint?"},
        BadFile{"limits: {connections: many}\n",
                "f.yaml:1: limits.connections: \"many\" is not a whole number; allowed: 16 to "
                "1000000"},
        BadFile{"limits: {connections: 3}\n",
                "f.yaml:1: limits.connections: 3 is out of range; allowed: 16 to 1000000"},
        BadFile{"limits: {data_ring: 3MiB}\n",
                "f.yaml:1: limits.data_ring: 3MiB is no power of two; allowed: a power of two, "
                "64KiB to 512MiB"},
        BadFile{"limits: {queue: 8MB}\n",
                "f.yaml:1: limits.queue: \"8MB\" is not a size; allowed: 64KiB to 1GiB"},
        BadFile{"interval: 10\n",
                "f.yaml:1: interval: \"10\" is not a duration; allowed: a duration, 1s to 1h"},
        BadFile{"interval: [10s]\n",
                "f.yaml:1: interval: a list where a single value belongs; allowed: a duration, 1s "
                "to 1h"},
        BadFile{"interval:\n",
                "f.yaml:1: interval: nothing where a single value belongs; allowed: a duration, 1s "
                "to 1h"},
        BadFile{"containers: {sockets: [docker.sock]}\n",
                "f.yaml:1: containers.sockets: \"docker.sock\" is no path; allowed: a list of "
                "paths, at most 8"},
        BadFile{"containers: {cri_sockets: [containerd.sock]}\n",
                "f.yaml:1: containers.cri_sockets: \"containerd.sock\" is no path; allowed: a list "
                "of paths, at most 8"},
        BadFile{"targets: 5\n",
                "f.yaml:1: targets: not a mapping; allowed: the keys include, exclude"},
        BadFile{"- a\n- b\n",
                "f.yaml:1: not a mapping; allowed: the keys listen, user, interval, service_name, "
                "containers, targets, routes, redaction, signals, exporters, limits, profile, "
                "symbols, checks, health"},
        BadFile{"targets:\n  include:\n    - {execuable: x}\n",
                "f.yaml:3: targets.include[0].execuable: unknown key; did you mean executable?"},
        BadFile{"targets:\n  include:\n    - pid: 0\n",
                "f.yaml:3: targets.include[0]: pid \"0\": not a process id"},
        BadFile{"targets:\n  include:\n    - port: 70000\n",
                "f.yaml:3: targets.include[0]: port \"70000\": not 1-65535 or a range of it"},
        BadFile{"targets: {exclude: [{}]}\n",
                "f.yaml:1: targets.exclude[0]: fits everything; allowed: a mapping of pid, port, "
                "executable, command_line, unit, cgroup, container to a pattern"},
        BadFile{"service_name: [{match: {port: 80}}]\n",
                "f.yaml:1: service_name[0]: name is missing or too long; allowed: 1 to 255 bytes"},
        BadFile{
            "exporters: {otlp: {protocol: grpc}}\n",
            "f.yaml:1: exporters.otlp.protocol: \"grpc\" is not spoken; allowed: http/protobuf"},
        BadFile{"exporters: {otlp: {endpoint: \"collector:4318\"}}\n",
                "f.yaml:1: exporters.otlp.endpoint: \"collector:4318\" is no URL of a collector; "
                "allowed: http://HOST:PORT or https://HOST:PORT, or off"},
        BadFile{"exporters: {otlp: {headers: {\"a b\": c}}}\n",
                "f.yaml:1: exporters.otlp.headers: a header's name has characters that HTTP does "
                "not allow"},
        BadFile{"exporters: {prometheus: {enabled: yes}}\n",
                "f.yaml:1: exporters.prometheus.enabled: \"yes\" is neither; allowed: true or "
                "false"},
        BadFile{"user: root\n",
                "f.yaml:1: user: \"root\" cannot be the worker's user; allowed: an unprivileged "
                "user"},
        BadFile{"a: &x 1\n", "f.yaml:1: anchors are not allowed"},
        BadFile{"a: *x\n", "f.yaml:1: not YAML: the referenced anchor is not defined"},
        BadFile{"a: !!int 1\n", "f.yaml:1: tags are not allowed"},
        BadFile{"listen: off\nlisten: off\n", "f.yaml:2: listen: given twice"},
        BadFile{"? [a]\n: b\n", "f.yaml:1: a key must be plain text"},
        BadFile{"user: a\n---\nuser: b\n", "f.yaml:1: only one document is allowed in the file"},
        BadFile{"user: \"a", "f.yaml:1: not YAML: illegal EOF in scalar"}));

TEST(ConfigurationTest, RejectsAddressesThatAreNone) {
  for (const std::string text : {"1.2.3.4", "host:80", "1.2.3.4:65536", "::1:80", "[::1]", "x"}) {
    EXPECT_THAT(errors_of("listen: \"" + text + "\""),
                ElementsAre("f.yaml:1: listen: \"" + text + "\" is no address" + kListenAllowed));
  }
}

TEST(ConfigurationTest, ServersOfDebugSymbolsAreUrls) {
  const auto outcome = parse_configuration(
      "symbols: {debuginfod: {urls: [https://a.example/x, 'http://[::1]:8002/'], max_size: 2MiB,\n"
      "  timeout: 5s, cache_size: 64MiB, cache_dir: /srv/symbols}}",
      "f.yaml");
  ASSERT_TRUE(outcome.ok()) << outcome.errors.front();
  const DebuginfodSettings& settings = outcome.configuration.debuginfod;
  EXPECT_THAT(settings.urls, ElementsAre("https://a.example/x", "http://[::1]:8002/"));
  EXPECT_EQ(settings.file_bytes, 2U << 20);
  EXPECT_EQ(settings.timeout_ns, 5'000'000'000U);
  EXPECT_EQ(settings.cache_bytes, 64U << 20);
  EXPECT_EQ(settings.cache_dir, "/srv/symbols");
  for (const std::string url : {"", "a.example", "ftp://a.example", "file:///etc", "http://",
                                "http:///x", "http://a b", "http://a?q", "http://a#f"}) {
    EXPECT_THAT(errors_of("symbols: {debuginfod: {urls: ['" + url + "']}}"),
                ElementsAre("f.yaml:1: symbols.debuginfod.urls: \"" + url +
                            "\" is no URL of a server; allowed: a list of http:// or https:// "
                            "URLs, at most 8"));
  }
  for (const std::string path : {"cache", "/", "/a/../b", "/a/"}) {
    EXPECT_THAT(errors_of("symbols: {debuginfod: {cache_dir: " + path + "}}"),
                ElementsAre("f.yaml:1: symbols.debuginfod.cache_dir: \"" + path +
                            "\" is no absolute path of a folder; allowed: an absolute path"));
  }
}

TEST(ConfigurationTest, ReportsAllErrorsOfAFileAtOnceInItsOrder) {
  EXPECT_THAT(errors_of("interval: x\nuser: root\nlimits: {target: 1}\nbad: 1\n"), SizeIs(4));
}

TEST(ConfigurationTest, AnOverrideWinsAndIsCheckedTheSameWay) {
  const auto good = parse_configuration("listen: off", "f.yaml", {{"listen", "127.0.0.1:1"}});
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(good.configuration.listen, (HostPort{"127.0.0.1", 1}));
  const auto bad = parse_configuration("", "f.yaml", {{"listen", "x"}, {"intervall", "1s"}});
  EXPECT_THAT(bad.errors, ElementsAre(std::string("listen: \"x\" is no address") + kListenAllowed,
                                      "intervall: unknown key; did you mean interval?"));
}

TEST(ConfigurationTest, DeepNestingIsRefusedAndNotRecursedInto) {
  for (const char* bracket : {"[", "{a: ", "- ", "? "}) {
    std::string text = "a: ";
    if (*bracket == '-' || *bracket == '?') text = "";
    for (int i = 0; i < 50'000; ++i) text += bracket;
    EXPECT_THAT(errors_of(text), SizeIs(1)) << bracket;
  }
}

TEST(ConfigurationTest, HugeAndBinaryFilesAreRefused) {
  EXPECT_THAT(errors_of(std::string(kYamlBytes + 1, '#')),
              ElementsAre("f.yaml:1: the file is larger than 1 MiB"));
  EXPECT_THAT(errors_of(std::string("user: a\n\0\0", 10)),
              ElementsAre("f.yaml:2: binary data, not a text file"));
}

TEST(ConfigurationTest, ALongListOfErrorsIsCut) {
  std::string text = "targets: {include: [";
  for (int i = 0; i < 500; ++i) text += "{x: y},";
  const auto errors = errors_of(text + "]}");
  EXPECT_THAT(errors, SizeIs(101));
  EXPECT_EQ(errors.back(), "f.yaml: 400 more errors");
}

TEST(ConfigurationTest, EveryRowOfTheSchemaIsWholeAndItsDefaultIsTheDefault) {
  std::set<std::string_view> paths;
  for (const ConfigurationKey& key : configuration_keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    EXPECT_FALSE(key.allowed.empty() || key.purpose.empty() || key.default_value.empty())
        << key.path;
    std::string text(key.path);
    size_t depth = 1;
    for (size_t dot = text.find('.'); dot != std::string::npos; dot = text.find('.'), ++depth) {
      text.replace(dot, 1, ":\n" + std::string(depth, ' '));
    }
    const auto outcome = parse_configuration(text + ": " + std::string(key.default_value), "f");
    ASSERT_TRUE(outcome.ok()) << outcome.errors.front();
    Configuration got = outcome.configuration;
    if (key.path.starts_with("exporters.otlp.")) got.otlp = {};  // "given" differs from "not given"
    EXPECT_EQ(got, Configuration{}) << key.path;
  }
}

}  // namespace
}  // namespace hostlens::agent
