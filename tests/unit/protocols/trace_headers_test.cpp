// SPDX-License-Identifier: Apache-2.0
#include "protocols/trace_headers.h"

#include <gtest/gtest.h>

#include <string>

namespace hostlens::protocols {
namespace {

const std::string kIds = "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";

TEST(TraceHeadersTest, ReadsVersionZero) {
  const auto context = parse_traceparent("00" + kIds + "01");
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(model::to_hex(context->trace_id), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(model::to_hex(context->span_id), "b7ad6b7169203331");
  EXPECT_EQ(context->flags, 1);
}

TEST(TraceHeadersTest, ReadsTheKnownPartOfLaterVersions) {
  EXPECT_TRUE(parse_traceparent("cc" + kIds + "01").has_value());
  EXPECT_TRUE(parse_traceparent("cc" + kIds + "01-what-the-future-brings").has_value());
  EXPECT_FALSE(parse_traceparent("cc" + kIds + "01x").has_value());
}

TEST(TraceHeadersTest, RefusesWhatTheSpecificationRefuses) {
  EXPECT_FALSE(parse_traceparent("").has_value());
  EXPECT_FALSE(parse_traceparent("ff" + kIds + "01").has_value());
  EXPECT_FALSE(parse_traceparent("00" + kIds + "01-extra").has_value());
  EXPECT_FALSE(parse_traceparent("00" + kIds + "0").has_value());
  EXPECT_FALSE(parse_traceparent("00" + kIds + "0g").has_value());
  EXPECT_FALSE(
      parse_traceparent("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01").has_value());
  EXPECT_FALSE(
      parse_traceparent("00-" + std::string(32, '0') + "-b7ad6b7169203331-01").has_value());
  EXPECT_FALSE(
      parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01").has_value());
}

}  // namespace
}  // namespace hostlens::protocols
