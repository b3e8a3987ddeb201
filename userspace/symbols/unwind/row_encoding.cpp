// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/row_encoding.h"

#include <cstdint>
#include <limits>
#include <optional>

namespace hostlens::symbols {
namespace {

using Cfa = CfaRule::Kind;
using Kind = RegisterRule::Kind;

/// Bytes as words of the narrower type, if they are that.
template <typename T>
std::optional<T> words(int64_t bytes) {
  const int64_t count = bytes / 8;
  if (bytes % 8 != 0 || count < std::numeric_limits<T>::min() ||
      count > std::numeric_limits<T>::max()) {
    return std::nullopt;
  }
  return static_cast<T>(count);
}

uint16_t pair_of(uint8_t low, uint8_t high) { return static_cast<uint16_t>(low | high << 8U); }

bool at_register(const RegisterRule& rule, uint8_t reg, int64_t offset) {
  return rule.kind == Kind::kAtRegister && rule.reg == reg && rule.value == offset;
}

/// The kernel's frame of x86-64, as glibc and others describe it.
bool is_signal_frame(const FrameRules& rules) {
  return rules.cfa.kind == Cfa::kDereference && rules.cfa.reg == UNWIND_RSP &&
         rules.cfa.offset == UNWIND_UCONTEXT_RSP && rules.cfa.add == 0 &&
         at_register(rules.return_address, UNWIND_RSP, UNWIND_UCONTEXT_RIP) &&
         at_register(rules.rbp, UNWIND_RSP, UNWIND_UCONTEXT_RBP) &&
         at_register(rules.rbx, UNWIND_RSP, UNWIND_UCONTEXT_RBX);
}

bool encode_register_cfa(const CfaRule& cfa, unwind_row& row) {
  if (cfa.reg == UNWIND_RSP) {
    row.cfa_kind = UNWIND_CFA_RSP;
    auto offset = words<uint16_t>(cfa.offset);
    if (!offset && cfa.offset >= UNWIND_FAR_BYTES) {
      row.cfa_kind = UNWIND_CFA_RSP_FAR;
      offset = words<uint16_t>(cfa.offset - UNWIND_FAR_BYTES);
    }
    row.cfa_offset = offset.value_or(0);
    return offset.has_value();
  }
  if (cfa.reg > UNWIND_R15) return false;
  row.cfa_kind = static_cast<uint8_t>(UNWIND_CFA_REGISTER + cfa.reg);
  if (cfa.reg == UNWIND_RBP) row.cfa_kind = UNWIND_CFA_RBP;
  if (const auto offset = words<int16_t>(cfa.offset)) {
    row.cfa_offset = static_cast<uint16_t>(*offset);
    return true;
  }
  if (cfa.reg == UNWIND_RBP || cfa.offset < UNWIND_REGISTER_FAR_BYTES) return false;
  row.cfa_kind = static_cast<uint8_t>(UNWIND_CFA_REGISTER_FAR + cfa.reg);
  const auto offset = words<uint16_t>(cfa.offset - UNWIND_REGISTER_FAR_BYTES);
  row.cfa_offset = offset.value_or(0);
  return offset.has_value();
}

bool encode_dereference(const CfaRule& cfa, unwind_row& row) {
  const auto base = words<int8_t>(cfa.offset);
  const auto add = words<uint8_t>(cfa.add);
  if (!base || !add) return false;
  if (cfa.kind == Cfa::kIndexedDereference) {
    row.cfa_kind = UNWIND_CFA_RSP_R9_DEREF;
  } else if (cfa.reg == UNWIND_RSP || cfa.reg == UNWIND_RBP) {
    row.cfa_kind = cfa.reg == UNWIND_RSP ? UNWIND_CFA_RSP_DEREF : UNWIND_CFA_RBP_DEREF;
  } else {
    return false;
  }
  row.cfa_offset = pair_of(static_cast<uint8_t>(*base), *add);
  return true;
}

bool encode_cfa(const CfaRule& cfa, unwind_row& row) {
  switch (cfa.kind) {
    case Cfa::kRegister:
      return encode_register_cfa(cfa, row);
    case Cfa::kPlt:
      row.cfa_kind = UNWIND_CFA_PLT;
      row.cfa_offset = static_cast<uint16_t>(cfa.offset);
      return true;
    case Cfa::kDereference:
    case Cfa::kIndexedDereference:
      return encode_dereference(cfa, row);
    default:
      return false;
  }
}

/// A return address that is in a register, with rsp + small: the only CFA that such code has.
bool encode_return_register(uint8_t reg, unwind_row& row) {
  if (row.cfa_kind != UNWIND_CFA_RSP || row.cfa_offset > UINT8_MAX || reg > UNWIND_R15) {
    return false;
  }
  row.cfa_kind = UNWIND_CFA_RA_REGISTER;
  row.cfa_offset = pair_of(static_cast<uint8_t>(row.cfa_offset), reg);
  return true;
}

void encode_rbp(const RegisterRule& rule, unwind_row& row) {
  row.rbp_kind = UNWIND_RBP_UNDEFINED;
  if (rule.kind == Kind::kUnset || rule.kind == Kind::kSame) {
    row.rbp_kind = UNWIND_RBP_SAME;
  } else if (rule.kind == Kind::kRegister && rule.reg <= UNWIND_R15) {
    row.rbp_kind = UNWIND_RBP_REGISTER;
    row.rbp_offset = static_cast<int8_t>(rule.reg);
  } else if (rule.kind == Kind::kCfaOffset ||
             (rule.kind == Kind::kAtRegister && rule.reg == UNWIND_RBP)) {
    const auto offset = words<int8_t>(rule.value);
    if (!offset) return;
    row.rbp_kind = rule.kind == Kind::kCfaOffset ? UNWIND_RBP_CFA : UNWIND_RBP_RBP;
    row.rbp_offset = *offset;
  }
}

int8_t encode_rbx(const RegisterRule& rule) {
  if (rule.kind == Kind::kUnset || rule.kind == Kind::kSame) return UNWIND_RBX_SAME;
  if (rule.kind != Kind::kCfaOffset) return UNWIND_RBX_UNDEFINED;
  const auto offset = words<int8_t>(rule.value);
  return offset && *offset != UNWIND_RBX_SAME ? *offset : int8_t{UNWIND_RBX_UNDEFINED};
}

}  // namespace

unwind_row invalid_row(unwind_invalid_reason reason) {
  return {.pc_low = 0,
          .cfa_kind = UNWIND_CFA_INVALID,
          .rbp_kind = UNWIND_RBP_SAME,
          .cfa_offset = static_cast<uint16_t>(reason),
          .rbp_offset = 0,
          .rbx_offset = 0};
}

unwind_row encode_row(const FrameRules& rules, bool signal_frame) {
  const RegisterRule& ra = rules.return_address;
  unwind_row row{};
  if (ra.kind == Kind::kUndefined) {
    row.cfa_kind = UNWIND_CFA_STOP;
    return row;
  }
  if (signal_frame) {
    if (!is_signal_frame(rules)) return invalid_row(UNWIND_INVALID_SIGNAL);
    row.cfa_kind = UNWIND_CFA_SIGNAL;
    return row;
  }
  if (rules.cfa.kind == Cfa::kUnknownExpression) return invalid_row(UNWIND_INVALID_EXPRESSION);
  if (!encode_cfa(rules.cfa, row)) return invalid_row(UNWIND_INVALID_CFA);
  if (rules.rsp.kind != Kind::kUnset &&
      !(rules.rsp.kind == Kind::kCfaValue && rules.rsp.value == 0)) {
    return invalid_row(UNWIND_INVALID_RSP);
  }
  const bool above = ra.kind == Kind::kCfaOffset && ra.value == -8;
  if (!above && !(ra.kind == Kind::kRegister && encode_return_register(ra.reg, row))) {
    return invalid_row(UNWIND_INVALID_RA);
  }
  encode_rbp(rules.rbp, row);
  row.rbx_offset = encode_rbx(rules.rbx);
  return row;
}

}  // namespace hostlens::symbols
