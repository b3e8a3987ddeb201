// SPDX-License-Identifier: Apache-2.0
#include "processors/redaction.h"

#include <gtest/gtest.h>

namespace hostlens::processors {
namespace {

TEST(RedactionTest, DropsTheQueryByDefault) { EXPECT_EQ(redact_query("a=1&token=s", {}), ""); }

TEST(RedactionTest, KeepsKeysWithoutValues) {
  const QueryRedaction settings{QueryMode::kRedact, {}};
  EXPECT_EQ(redact_query("a=1&b=&c=x=y", settings), "a=REDACTED&b=REDACTED&c=REDACTED");
  EXPECT_EQ(redact_query("s3cr3t", settings), "REDACTED") << "a bare text may be the secret";
  EXPECT_EQ(redact_query("&&a=1&", settings), "a=REDACTED");
}

TEST(RedactionTest, KeepsValuesOfAllowedKeys) {
  EXPECT_EQ(redact_query("page=2&token=s", {QueryMode::kDrop, {"page"}}), "page=2");
  EXPECT_EQ(redact_query("page=2&token=s", {QueryMode::kRedact, {"page"}}),
            "page=2&token=REDACTED");
}

TEST(RedactionTest, LeavesThePathAndTakesTheQuery) {
  model::HttpMessage http;
  http.path = "/x";
  http.query = "token=s";
  redact(http, {});
  EXPECT_EQ(http.path, "/x");
  EXPECT_EQ(http.query, "");
}

}  // namespace
}  // namespace hostlens::processors
