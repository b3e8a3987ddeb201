// SPDX-License-Identifier: Apache-2.0
#include "checks/target.h"

#include <gtest/gtest.h>

namespace hostlens::checks {
namespace {

CheckTarget parsed(CheckType type, std::string_view text) {
  auto target = parse_target(type, text);
  EXPECT_TRUE(target) << text << ": " << (target ? "" : target.error().message);
  return target ? *std::move(target) : CheckTarget{};
}

TEST(CheckTargetTest, HostsAndPorts) {
  EXPECT_EQ(parsed(CheckType::kTcp, "db.internal:5432").host, "db.internal");
  EXPECT_EQ(parsed(CheckType::kTcp, "db.internal:5432").port, 5432);
  EXPECT_EQ(parsed(CheckType::kTcp, "[::1]:80").host, "::1");
  const CheckTarget grpc = parsed(CheckType::kGrpc, "https://shop:443/shop.v1.Orders");
  EXPECT_TRUE(grpc.encrypted);
  EXPECT_EQ(grpc.host, "shop");
  EXPECT_EQ(grpc.text, "shop.v1.Orders");
}

TEST(CheckTargetTest, LimitsFollowABlankAndHaveDefaults) {
  EXPECT_EQ(parsed(CheckType::kTls, "shop:443").limit, 7);
  EXPECT_EQ(parsed(CheckType::kTls, "shop:443 30d").limit, 30);
  EXPECT_EQ(parsed(CheckType::kHttp, "http://shop/ready").limit, 0);
  EXPECT_EQ(parsed(CheckType::kHttp, "http://shop/ready 204").limit, 204);
  EXPECT_EQ(parsed(CheckType::kProcess, "nginx 4").limit, 4);
  EXPECT_EQ(parsed(CheckType::kProcess, "nginx").text, "nginx");
  EXPECT_EQ(parsed(CheckType::kDisk, "/var 80%").limit, 0.8);
  EXPECT_EQ(parsed(CheckType::kFileAge, "/var/last 26h").limit, 26 * 3600);
  EXPECT_EQ(parsed(CheckType::kDns, "shop.internal 10.0.0.1").wanted, "10.0.0.1");
}

TEST(CheckTargetTest, PathsMayHaveBlanks) {
  EXPECT_EQ(parsed(CheckType::kFileAge, "/my backups/last one").text, "/my backups/last one");
  EXPECT_EQ(parsed(CheckType::kFileAge, "/my backups/last one 2d").text, "/my backups/last one");
}

TEST(CheckTargetTest, WrongOnesSayWhy) {
  const std::pair<CheckType, const char*> wrong[] = {
      {CheckType::kTcp, "db"},
      {CheckType::kTcp, "db:0"},
      {CheckType::kTcp, "db:70000"},
      {CheckType::kTcp, "::1:80"},
      {CheckType::kTcp, ":80"},
      {CheckType::kTcp, "a b:80"},
      {CheckType::kHttp, "ftp://a/"},
      {CheckType::kHttp, "http:///x"},
      {CheckType::kHttp, "http://"},
      {CheckType::kGrpc, "a"},
      {CheckType::kDns, ""},
      {CheckType::kDns, "a/b"},
      {CheckType::kTls, "a:443 soon"},
      {CheckType::kUnit, "a b"},
      {CheckType::kProcess, "nginx x"},
      {CheckType::kFileAge, "last"},
      {CheckType::kDisk, "var 80%"},
      {CheckType::kDisk, "/a\n"},
      {CheckType::kCommand, "x"},
  };
  for (const auto& [type, text] : wrong) {
    const auto target = parse_target(type, text);
    ASSERT_FALSE(target) << text;
    EXPECT_FALSE(target.error().message.empty());
  }
  EXPECT_FALSE(parse_target(CheckType::kUnit, std::string(5000, 'a')));
}

}  // namespace
}  // namespace hostlens::checks
