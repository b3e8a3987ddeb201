// SPDX-License-Identifier: Apache-2.0
// Thresholds and checks: what may be written, and what is said about the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/configuration.h"

namespace hostlens::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> errors_of(const std::string& text) {
  return parse_configuration(text, "f.yaml").errors;
}
std::vector<std::string> errors_of_check(const std::string& fields) {
  return errors_of("checks:\n  - {" + fields + "}\n");
}

TEST(HealthConfigurationTest, LevelsAreTwoOfAKind) {
  const auto outcome = parse_configuration(R"(
health:
  off: [clock, "check:"]
  hold: 5s
  error_ratio: 0.5%, 10%
  latency: [1.5, 3]
  runqueue: 5ms, 1s
  certificate: 30d, 10d
  memory_available: 10%, 1%
  latency_floor: 2ms
)",
                                           "f.yaml");
  ASSERT_TRUE(outcome.ok()) << outcome.errors.front();
  const health::HealthSettings& health = outcome.configuration.health;
  EXPECT_THAT(health.off, ElementsAre("clock", "check:"));
  EXPECT_EQ(health.hold_ns, 5'000'000'000U);
  EXPECT_EQ(health.error_ratio, (health::Levels{0.005, 0.1}));
  EXPECT_EQ(health.latency, (health::Levels{1.5, 3}));
  EXPECT_EQ(health.runqueue, (health::Levels{0.005, 1}));
  EXPECT_EQ(health.certificate_days, (health::Levels{30, 10}));
  EXPECT_EQ(health.memory_available, (health::Levels{0.1, 0.01}));
  EXPECT_EQ(health.latency_floor, 0.002);
}

TEST(HealthConfigurationTest, LevelsThatAreNoneAreNamedWithTheirLine) {
  EXPECT_THAT(errors_of("health:\n  error_ratio: 5%\n"),
              ElementsAre("f.yaml:2: health.error_ratio: \"5%\" is no such pair; allowed: two "
                          "percentages, such as 5%, 25%"));
  for (const char* wrong :
       {"error_ratio: 25%, 5%", "error_ratio: 5, 25", "error_ratio: 0%, 5%",
        "error_ratio: 5%, 101%", "error_ratio: 5%, nan%", "error_ratio: -1%, 5%",
        "error_ratio: {a: b}", "latency: 2, x", "latency: 1e300, 1e301", "runqueue: 20, 100",
        "certificate: 7d, 21d", "memory_available: 2%, 5%", "off: [nothing]", "hold: 2h",
        "window: 1s", "units: 1, 2, 3"}) {
    EXPECT_THAT(errors_of("health:\n  " + std::string(wrong) + "\n"), SizeIs(1)) << wrong;
  }
}

TEST(HealthConfigurationTest, AnUnknownSignalsNameGetsAProposal) {
  EXPECT_THAT(errors_of("health:\n  eror_ratio: 5%, 6%\n"),
              ElementsAre("f.yaml:2: health.eror_ratio: unknown key; did you mean error_ratio?"));
}

TEST(HealthConfigurationTest, ChecksAreRead) {
  const auto outcome = parse_configuration(R"(
checks:
  - {name: shop, type: http, target: "http://127.0.0.1/ready", interval: 10s, timeout: 2s, failures: 5}
  - name: lag
    type: command
    command: [/bin/lag, --most, "30"]
  - {name: quick, type: tcp, target: "127.0.0.1:80", interval: 1s}
limits: {checks_at_once: 3}
)",
                                           "f.yaml");
  ASSERT_TRUE(outcome.ok()) << outcome.errors.front();
  const auto& list = outcome.configuration.checks;
  ASSERT_THAT(list, SizeIs(3));
  EXPECT_EQ(list[0].name, "shop");
  EXPECT_EQ(list[0].type, checks::CheckType::kHttp);
  EXPECT_EQ(list[0].interval_ns, 10'000'000'000U);
  EXPECT_EQ(list[0].timeout_ns, 2'000'000'000U);
  EXPECT_EQ(list[0].failures, 5U);
  EXPECT_THAT(list[1].command, ElementsAre("/bin/lag", "--most", "30"));
  EXPECT_EQ(list[2].timeout_ns, 1'000'000'000U);  // never longer than the interval
  EXPECT_EQ(outcome.configuration.limits.checks_at_once, 3U);
}

TEST(HealthConfigurationTest, EachMistakeOfACheckIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"type: tcp, target: \"a:1\"", "checks[0]: name is missing"},
      {"name: \"a b\", type: tcp, target: \"a:1\"", "\"a b\" is no name"},
      {"name: a, target: \"a:1\"", "type is missing; allowed: tcp, http, grpc"},
      {"name: a, type: ping, target: x", "\"ping\" is none of them; allowed: tcp"},
      {"name: a, type: tcp", "target is missing; allowed: HOST:PORT"},
      {"name: a, type: tcp, target: db", "checks[0].target: \"db\": there is no port; allowed"},
      {"name: a, type: http, target: \"shop/ready\"", "that is no URL"},
      {"name: a, type: file_age, target: last", "that is no absolute path"},
      {"name: a, type: command", "command is missing"},
      {"name: a, type: command, command: lag", "checks[0].command: no list of 1 to 64 words"},
      {"name: a, type: command, command: []", "no list of 1 to 64 words"},
      {"name: a, type: command, command: [lag], target: x", "a command has no target"},
      {"name: a, type: tcp, target: \"a:1\", command: [x]", "only type command has one"},
      {"name: a, type: tcp, target: \"a:1\", interval: 1s, timeout: 2s",
       "longer than the interval"},
      {"name: a, type: tcp, target: \"a:1\", interval: soon", "\"soon\" is not a duration"},
      {"name: a, type: tcp, target: \"a:1\", failures: 0", "0 is out of range; allowed: 1 to 100"},
      {"name: a, type: tcp, target: \"a:1\", intervall: 1s", "did you mean interval?"},
  };
  for (const auto& [fields, message] : cases) {
    const auto errors = errors_of_check(fields);
    ASSERT_THAT(errors, SizeIs(1)) << fields;
    EXPECT_THAT(errors[0], HasSubstr(message));
    EXPECT_THAT(errors[0], HasSubstr("f.yaml:2: checks[0]"));
  }
}

TEST(HealthConfigurationTest, NamesOfChecksAreUniqueAndTheirNumberIsBounded) {
  const std::string one = "  - {name: a, type: tcp, target: \"a:1\"}\n";
  EXPECT_THAT(errors_of("checks:\n" + one + one),
              ElementsAre("f.yaml:3: checks[1].name: \"a\" is there twice"));
  std::string many = "checks:\n";
  for (int i = 0; i < 65; ++i) many += one;
  EXPECT_THAT(errors_of(many), SizeIs(1));
}

}  // namespace
}  // namespace hostlens::agent
