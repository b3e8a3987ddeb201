// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/frame_expression.h"

#include <gtest/gtest.h>

#include "unit/symbols/byte_writer.h"

namespace hostlens::symbols {
namespace {

using Cfa = CfaRule::Kind;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  return ByteWriter().bytes(values).get();
}

TEST(FrameExpressionTest, KnowsTheFormsOfRealLibraries) {
  const CfaRule plt =
      cfa_of_expression(bytes({0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22}));
  EXPECT_EQ(plt.kind, Cfa::kPlt);
  EXPECT_EQ(plt.offset, 11);
  const CfaRule second_plt =
      cfa_of_expression(bytes({0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22}));
  EXPECT_EQ(second_plt.offset, 10);

  const CfaRule realigned = cfa_of_expression(bytes({0x76, 0x58, 0x06}));
  EXPECT_EQ(realigned.kind, Cfa::kDereference);
  EXPECT_EQ(realigned.reg, 6);
  EXPECT_EQ(realigned.offset, -40);
  EXPECT_EQ(realigned.add, 0);

  const CfaRule kept = cfa_of_expression(bytes({0x77, 0x98, 0x01, 0x06, 0x23, 8}));
  EXPECT_EQ(kept.kind, Cfa::kDereference);
  EXPECT_EQ(kept.reg, 7);
  EXPECT_EQ(kept.offset, 152);
  EXPECT_EQ(kept.add, 8);

  const CfaRule indexed =
      cfa_of_expression(bytes({0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8}));
  EXPECT_EQ(indexed.kind, Cfa::kIndexedDereference);
  EXPECT_EQ(indexed.offset, 8);
  EXPECT_EQ(indexed.add, 8);

  const CfaRule plain = cfa_of_expression(bytes({0x77, 16}));
  EXPECT_EQ(plain.kind, Cfa::kRegister);
  EXPECT_EQ(plain.offset, 16);
}

TEST(FrameExpressionTest, EverythingElseIsUnknown) {
  for (const auto& form : {
           bytes({}),                                                             // nothing
           bytes({0x77}),                                                         // no offset
           bytes({0x80, 0}),                                                      // rip
           bytes({0x77, 8, 0x06, 0x06}),                                          // twice
           bytes({0x77, 8, 0x06, 0x23}),                                          // no operand
           bytes({0x77, 8, 0x06, 0x23, 8, 0x06}),                                 // goes on
           bytes({0x77, 16, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22}),  // not + 8
           bytes({0x76, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22}),   // not rsp
           bytes({0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24}),         // truncated
           bytes({0x77, 8, 0x7a, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8}),            // r10
           bytes({0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22}),                           // no deref
       }) {
    EXPECT_EQ(cfa_of_expression(form).kind, Cfa::kUnknownExpression) << form.size();
  }
}

TEST(FrameExpressionTest, RegistersAreSavedAtOneBaseOnly) {
  const RegisterRule rule = saved_at_expression(bytes({0x77, 0xf8, 0x00}));
  EXPECT_EQ(rule.kind, RegisterRule::Kind::kAtRegister);
  EXPECT_EQ(rule.reg, 7);
  EXPECT_EQ(rule.value, 120);
  EXPECT_EQ(saved_at_expression(bytes({0x77, 8, 0x06})).kind, RegisterRule::Kind::kUnknown);
  EXPECT_EQ(saved_at_expression(bytes({})).kind, RegisterRule::Kind::kUnknown);
}

}  // namespace
}  // namespace hostlens::symbols
