// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/row_encoding.h"

#include <gtest/gtest.h>

#include "unwind_oracle/rule_words.h"

namespace hostlens::symbols {
namespace {

FrameRules rules_with(const CfaRule& cfa) {
  FrameRules rules;
  rules.cfa = cfa;
  rules.return_address = {.kind = RegisterRule::Kind::kCfaOffset, .value = -8};
  return rules;
}

std::string text(const CfaRule& cfa) {
  const unwind_row row = encode_row(rules_with(cfa), false);
  if (row.cfa_kind == UNWIND_CFA_INVALID) return "invalid " + std::to_string(row.cfa_offset);
  const std::string all = tests::row_text(row);
  return all.substr(4, all.find(" ra=") - 4);
}

std::string plain(uint8_t reg, int64_t offset) {
  return text({.kind = CfaRule::Kind::kRegister, .reg = reg, .offset = offset});
}

std::string dereference(uint8_t reg, int64_t offset, int64_t add) {
  return text({.kind = CfaRule::Kind::kDereference, .reg = reg, .offset = offset, .add = add});
}

TEST(RowEncodingTest, KeepsOffsetsUpToTheirLimits) {
  EXPECT_EQ(plain(7, 0), "breg7(0)");
  EXPECT_EQ(plain(7, 524'280), "breg7(524280)");
  EXPECT_EQ(plain(7, 524'288), "breg7(524288)");
  EXPECT_EQ(plain(7, 1'048'568), "breg7(1048568)");
  EXPECT_EQ(plain(7, 1'048'576), "invalid 2");
  EXPECT_EQ(plain(7, -8), "invalid 2");
  EXPECT_EQ(plain(7, 12), "invalid 2") << "not a whole word";
  EXPECT_EQ(plain(6, -262'144), "breg6(-262144)");
  EXPECT_EQ(plain(6, 262'136), "breg6(262136)");
  EXPECT_EQ(plain(6, 262'144), "invalid 2");
  EXPECT_EQ(plain(11, -8), "breg11(-8)");
  EXPECT_EQ(plain(11, 262'144), "breg11(262144)");
  EXPECT_EQ(plain(11, 786'424), "breg11(786424)");
  EXPECT_EQ(plain(11, 786'432), "invalid 2");
  EXPECT_EQ(plain(16, 8), "invalid 2") << "rip is no base";
}

TEST(RowEncodingTest, KeepsBothOffsetsOfADereference) {
  EXPECT_EQ(dereference(7, -8, 8), "breg7(-8) deref plus(8)");
  EXPECT_EQ(dereference(7, 1016, 2040), "breg7(1016) deref plus(2040)");
  EXPECT_EQ(dereference(6, -1024, 0), "breg6(-1024) deref");
  EXPECT_EQ(dereference(7, 1024, 0), "invalid 2");
  EXPECT_EQ(dereference(7, 0, 2048), "invalid 2");
  EXPECT_EQ(dereference(7, 0, -8), "invalid 2");
  EXPECT_EQ(dereference(3, 0, 8), "invalid 2");
}

TEST(RowEncodingTest, UnknownExpressionsAreToldApart) {
  EXPECT_EQ(text({.kind = CfaRule::Kind::kUnknownExpression}), "invalid 1");
}

TEST(RowEncodingTest, InvalidRowsSayNothingElse) {
  FrameRules rules = rules_with({.kind = CfaRule::Kind::kRegister, .reg = 7, .offset = 16});
  rules.rsp = {.kind = RegisterRule::Kind::kSame};
  rules.rbp = {.kind = RegisterRule::Kind::kCfaOffset, .value = -16};
  const unwind_row row = encode_row(rules, false);
  EXPECT_TRUE(same_rules(row, invalid_row(UNWIND_INVALID_RSP)));
  rules.rsp = {.kind = RegisterRule::Kind::kCfaValue, .value = 0};
  EXPECT_EQ(encode_row(rules, false).cfa_kind, UNWIND_CFA_RSP) << "what the psABI says anyway";
}

}  // namespace
}  // namespace hostlens::symbols
