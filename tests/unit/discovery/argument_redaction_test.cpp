// SPDX-License-Identifier: Apache-2.0
#include "discovery/argument_redaction.h"

#include <gtest/gtest.h>

namespace hostlens::discovery {
namespace {

using Arguments = std::vector<std::string>;

struct Case {
  const char* name;
  Arguments given;
  Arguments shown;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class ArgumentRedactionTest : public testing::TestWithParam<Case> {};

TEST_P(ArgumentRedactionTest, ShowsWhatIsNoSecret) {
  EXPECT_EQ(show_arguments(GetParam().given, ArgumentsMode::kRedact), GetParam().shown);
}

const Case kCases[] = {
    {"Harmless",
     {"nginx", "-c", "/etc/nginx.conf", "-p", "8080", "--workers=4"},
     {"nginx", "-c", "/etc/nginx.conf", "-p", "8080", "--workers=4"}},
    {"OptionWithEquals",
     {"app", "--db-password=hunter2", "-secret=x", "API_KEY=abc", "--PASSWD=", "--port=80"},
     {"app", "--db-password=REDACTED", "-secret=REDACTED", "API_KEY=REDACTED",
      "--PASSWD=", "--port=80"}},
    {"OptionWithValueBehind",
     {"app", "--token", "t0k", "serve", "--secret", "--verbose", "file"},
     {"app", "--token", "REDACTED", "serve", "--secret", "--verbose", "file"}},
    {"Header",
     {"curl", "-H", "Authorization: Bearer abc def", "-H", "Accept: text/html"},
     {"curl", "-H", "Authorization: REDACTED", "-H", "Accept: text/html"}},
    {"Url",
     {"psql", "postgres://joe:pw@db:5432/shop?sslmode=on", "http://host/path"},
     {"psql", "postgres://REDACTED@db:5432/shop?REDACTED", "http://host/path"}},
    {"Script",
     {"sh", "-c", "TOKEN=abc exec server --password 'a b' --port 80 http://a:b@c/"},
     {"sh", "-c", "TOKEN=REDACTED exec server --password REDACTED --port 80 http://REDACTED@c/"}},
    {"Json",
     {"app", R"({"password": "x y", "port": 1})"},
     {"app", R"({"password": REDACTED, "port": 1})"}},
    {"WebToken", {"app", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}, {"app", "REDACTED"}},
    {"Nothing", {}, {}},
};

INSTANTIATE_TEST_SUITE_P(Of, ArgumentRedactionTest, testing::ValuesIn(kCases),
                         [](const auto& one) { return one.param.name; });

TEST(ArgumentRedaction, DropsAllOrKeepsAll) {
  const Arguments given = {"app", "--token", "x"};
  EXPECT_TRUE(show_arguments(given, ArgumentsMode::kDrop).empty());
  EXPECT_EQ(show_arguments(given, ArgumentsMode::kKeep), given);
}

TEST(ArgumentRedaction, IsBoundedAndAlwaysText) {
  const Arguments given(300, std::string(10'000, '\xff'));
  for (const ArgumentsMode mode : {ArgumentsMode::kRedact, ArgumentsMode::kKeep}) {
    const Arguments shown = show_arguments(given, mode);
    ASSERT_EQ(shown.size(), 64U);
    EXPECT_LE(shown[0].size(), 256U);
    EXPECT_EQ(shown[0].find('\xff'), std::string::npos);
  }
}

/// What is shown of an argument ends before its mark does.
TEST(ArgumentRedaction, FindsASecretWhoseEndIsCutOff) {
  const std::string cut = "--padding " + std::string(230, 'x') + " --password=" + "s3cret";
  for (const std::string& shown : show_arguments({"app", cut}, ArgumentsMode::kRedact)) {
    EXPECT_EQ(shown.find("s3"), std::string::npos) << shown;
  }
}

}  // namespace
}  // namespace hostlens::discovery
