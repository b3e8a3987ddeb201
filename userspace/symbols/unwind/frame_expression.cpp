// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/frame_expression.h"

#include <initializer_list>

#include "records/unwind.h"
#include "symbols/unwind/cfi_cursor.h"

namespace hostlens::symbols {
namespace {

// DWARF 5 section 7.7.1.
enum Operation : uint8_t {
  kDeref = 0x06,
  kAnd = 0x1a,
  kMul = 0x1e,
  kPlus = 0x22,
  kPlusUconst = 0x23,
  kShl = 0x24,
  kGe = 0x2a,
  kLit0 = 0x30,
  kLit3 = kLit0 + 3,
  kLit8 = kLit0 + 8,
  kLit15 = kLit0 + 15,
  kBreg0 = 0x70,
  kBreg9 = kBreg0 + UNWIND_R9,
  kBreg15 = kBreg0 + UNWIND_R15,
  kBreg16 = kBreg0 + UNWIND_RIP,
};

bool follows(CfiCursor& cursor, std::initializer_list<uint8_t> bytes) {
  for (const uint8_t byte : bytes) {
    if (cursor.fixed<uint8_t>() != byte || cursor.failed()) return false;
  }
  return true;
}

bool ends(const CfiCursor& cursor) { return !cursor.failed() && cursor.empty(); }

/// Nothing or DW_OP_plus_uconst n: the end of both dereferencing forms.
bool read_addition(CfiCursor& cursor, int64_t& add) {
  if (cursor.empty()) return !cursor.failed();
  if (!follows(cursor, {kPlusUconst})) return false;
  add = static_cast<int64_t>(cursor.uleb());
  return ends(cursor);
}

/// What binutils writes for a lazily bound .plt: the slot's instruction before `threshold` pushes a
/// word.
bool is_plt(CfiCursor cursor, int64_t& threshold) {
  if (!follows(cursor, {kBreg16, 0, kLit15, kAnd})) return false;
  const uint8_t literal = cursor.fixed<uint8_t>();
  if (literal < kLit0 || literal > kLit15) return false;
  threshold = literal - kLit0;
  return follows(cursor, {kGe, kLit3, kShl, kPlus}) && ends(cursor);
}

/// OpenSSL's Montgomery products keep the old rsp behind an array of r9 words.
bool is_indexed(CfiCursor cursor, int64_t& add) {
  return follows(cursor, {kBreg9, 0, kLit8, kMul, kPlus, kDeref}) && read_addition(cursor, add);
}

bool read_base(CfiCursor& cursor, uint8_t& reg, int64_t& offset) {
  const uint8_t operation = cursor.fixed<uint8_t>();
  if (operation < kBreg0 || operation > kBreg15) return false;
  reg = operation - kBreg0;
  offset = cursor.sleb();
  return !cursor.failed();
}

}  // namespace

CfaRule cfa_of_expression(base::Bytes expression) {
  using Kind = CfaRule::Kind;
  const CfaRule unknown{.kind = Kind::kUnknownExpression};
  CfiCursor cursor(expression);
  CfaRule rule;
  if (!read_base(cursor, rule.reg, rule.offset)) return unknown;
  if (cursor.empty()) {
    rule.kind = Kind::kRegister;
    return rule;
  }
  if (rule.reg == UNWIND_RSP && is_indexed(cursor, rule.add)) {
    rule.kind = Kind::kIndexedDereference;
    return rule;
  }
  int64_t threshold = 0;
  if (rule.reg == UNWIND_RSP && rule.offset == 8 && is_plt(cursor, threshold)) {
    return {.kind = Kind::kPlt, .reg = UNWIND_RSP, .offset = threshold};
  }
  rule.add = 0;
  if (!follows(cursor, {kDeref}) || !read_addition(cursor, rule.add)) return unknown;
  rule.kind = Kind::kDereference;
  return rule;
}

RegisterRule saved_at_expression(base::Bytes expression) {
  CfiCursor cursor(expression);
  RegisterRule rule;
  if (!read_base(cursor, rule.reg, rule.value) || !ends(cursor)) {
    return {.kind = RegisterRule::Kind::kUnknown};
  }
  rule.kind = RegisterRule::Kind::kAtRegister;
  return rule;
}

}  // namespace hostlens::symbols
