// SPDX-License-Identifier: Apache-2.0
#include "agent/quantity.h"

#include <gtest/gtest.h>

#include "agent/suggestion.h"

namespace hostlens::agent {
namespace {

TEST(QuantityTest, ReadsDurations) {
  EXPECT_EQ(parse_duration_ns("10s"), 10'000'000'000U);
  EXPECT_EQ(parse_duration_ns("1h30m"), 5'400'000'000'000U);
  EXPECT_EQ(parse_duration_ns("250ms"), 250'000'000U);
  EXPECT_EQ(parse_duration_ns("0s"), 0U);
}

TEST(QuantityTest, RejectsWhatIsNoDuration) {
  for (const char* text : {"", "10", "s", "1.5s", "-1s", "10 s", "10S", "1s2", "99999999999999d",
                           "18446744073709551616ns", "10s "}) {
    EXPECT_EQ(parse_duration_ns(text), std::nullopt) << text;
  }
}

TEST(QuantityTest, ReadsSizesInPowersOf1024Only) {
  EXPECT_EQ(parse_size_bytes("4MiB"), 4U << 20);
  EXPECT_EQ(parse_size_bytes("17"), 17U);
  for (const char* text : {"", "4MB", "4 MiB", "MiB", "4k", "99999999999GiB"}) {
    EXPECT_EQ(parse_size_bytes(text), std::nullopt) << text;
  }
}

TEST(QuantityTest, ReadsAddressesWithoutLookingNamesUp) {
  EXPECT_EQ(parse_host_port(":80"), (HostPort{"127.0.0.1", 80}));
  EXPECT_EQ(parse_host_port("localhost:0"), (HostPort{"127.0.0.1", 0}));
  EXPECT_EQ(parse_host_port("[::]:9"), (HostPort{"::", 9}));
  EXPECT_EQ(parse_host_port("[::]:9")->text(), "[::]:9");
  EXPECT_EQ(parse_host_port("example.com:80"), std::nullopt);
}

TEST(QuantityTest, TextsKeepThreeDigits) {
  EXPECT_EQ(duration_text(1.234), "1.23 s");
  EXPECT_EQ(duration_text(0.0123), "12.3 ms");
  EXPECT_EQ(duration_text(0.000456), "456 us");
  EXPECT_EQ(duration_text(0.9999), "1.00 s");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1536), "1.50 KiB");
  EXPECT_EQ(size_text(5.0 * 1024 * 1024), "5.00 MiB");
}

TEST(SuggestionTest, FindsTheNearestAndNothingFar) {
  constexpr std::array<std::string_view, 3> kWords = {"listen", "limits", "interval"};
  EXPECT_EQ(nearest("lsiten", kWords), "listen");
  EXPECT_EQ(nearest("limit", kWords), "limits");
  EXPECT_EQ(nearest("intervall", kWords), "interval");
  EXPECT_EQ(nearest("completely", kWords), "");
  EXPECT_EQ(nearest(std::string(500, 'x'), kWords), "");
}

TEST(QuantityTest, CountsHaveThreeDigits) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(0.4), "0.40");
  EXPECT_EQ(count_text(7), "7");
  EXPECT_EQ(count_text(17.26), "17.3");
  EXPECT_EQ(count_text(999.6), "1.00k");
  EXPECT_EQ(count_text(12'345), "12.3k");
  EXPECT_EQ(count_text(4.56e6), "4.56M");
}

}  // namespace
}  // namespace hostlens::agent
