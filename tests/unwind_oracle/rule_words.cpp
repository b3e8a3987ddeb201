// SPDX-License-Identifier: Apache-2.0
#include "unwind_oracle/rule_words.h"

#include <dwarf.h>

#include <array>

namespace hostlens::tests {
namespace {

std::string number(int64_t value) { return "(" + std::to_string(value) + ")"; }

std::string at_cfa(int64_t bytes) { return "cfa plus" + number(bytes); }

std::string breg(int64_t reg, int64_t bytes) {
  return "breg" + std::to_string(reg) + number(bytes);
}

std::string dereference(const unwind_row& row, const std::string& address) {
  const std::string value = address + " deref";
  const int add = unwind_deref_add(row);
  return add == 0 ? value : value + " plus" + number(add * 8);
}

std::string row_cfa(const unwind_row& row) {
  const int64_t words = row.cfa_offset;
  const int64_t signed_words = unwind_signed_offset(row);
  const int64_t base = unwind_deref_base(row) * 8;
  switch (row.cfa_kind) {
    case UNWIND_CFA_RSP:
      return breg(UNWIND_RSP, words * 8);
    case UNWIND_CFA_RSP_FAR:
      return breg(UNWIND_RSP, words * 8 + UNWIND_FAR_BYTES);
    case UNWIND_CFA_RBP:
      return breg(UNWIND_RBP, signed_words * 8);
    case UNWIND_CFA_RBP_ELSEWHERE:
      return breg(UNWIND_RBP, signed_words * 8) + " elsewhere";
    case UNWIND_CFA_PLT:
      return "breg7(8) breg16(0) lit15 and lit" + std::to_string(words) + " ge lit3 shl plus";
    case UNWIND_CFA_RSP_DEREF:
      return dereference(row, breg(UNWIND_RSP, base));
    case UNWIND_CFA_RBP_DEREF:
      return dereference(row, breg(UNWIND_RBP, base));
    case UNWIND_CFA_RSP_R9_DEREF:
      return dereference(row, breg(UNWIND_RSP, base) + " breg9(0) lit8 mul plus");
    case UNWIND_CFA_SIGNAL:
      return breg(UNWIND_RSP, UNWIND_UCONTEXT_RSP) + " deref";
    case UNWIND_CFA_RA_REGISTER:
      return breg(UNWIND_RSP, (row.cfa_offset & 0xff) * 8);
    default:
      if (row.cfa_kind >= UNWIND_CFA_REGISTER && row.cfa_kind <= UNWIND_CFA_REGISTER_LAST) {
        return breg(row.cfa_kind - UNWIND_CFA_REGISTER, signed_words * 8);
      }
      if (row.cfa_kind >= UNWIND_CFA_REGISTER_FAR && row.cfa_kind <= UNWIND_CFA_REGISTER_FAR_LAST) {
        return breg(row.cfa_kind - UNWIND_CFA_REGISTER_FAR, words * 8 + UNWIND_REGISTER_FAR_BYTES);
      }
      return "kind " + std::to_string(row.cfa_kind);
  }
}

std::string row_return_address(const unwind_row& row) {
  if (row.cfa_kind == UNWIND_CFA_SIGNAL) return breg(UNWIND_RSP, UNWIND_UCONTEXT_RIP);
  if (row.cfa_kind == UNWIND_CFA_RA_REGISTER) return "reg" + std::to_string(row.cfa_offset >> 8);
  return at_cfa(-8);
}

std::string row_rbx(const unwind_row& row) {
  if (row.cfa_kind == UNWIND_CFA_SIGNAL) return breg(UNWIND_RSP, UNWIND_UCONTEXT_RBX);
  if (row.rbx_offset == UNWIND_RBX_SAME) return "same";
  if (row.rbx_offset == UNWIND_RBX_UNDEFINED) return "undefined";
  return at_cfa(row.rbx_offset * 8);
}

std::string one_operation(const Operation& operation) {
  const auto [atom, first, second] = operation;
  if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) return breg(atom - DW_OP_breg0, first);
  if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31) return "reg" + std::to_string(atom - DW_OP_reg0);
  if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) return "lit" + std::to_string(atom - DW_OP_lit0);
  switch (atom) {
    case DW_OP_bregx:
      return breg(first, second);
    case DW_OP_regx:
      return "reg" + std::to_string(first);
    case DW_OP_call_frame_cfa:
      return "cfa";
    case DW_OP_plus_uconst:
      return "plus" + number(first);
    case DW_OP_deref:
      return "deref";
    case DW_OP_and:
      return "and";
    case DW_OP_ge:
      return "ge";
    case DW_OP_shl:
      return "shl";
    case DW_OP_plus:
      return "plus";
    case DW_OP_mul:
      return "mul";
    case DW_OP_stack_value:
      return "value";
    default:
      return "op" + std::to_string(atom) + number(first);
  }
}

}  // namespace

std::string operation_words(const std::vector<Operation>& operations) {
  // DW_CFA_expression begins with the CFA on the stack (DWARF 5 section 6.4.2.3), which these forms
  // do not use.
  const bool unused_cfa = operations.size() == 2 && operations[0].atom == DW_OP_call_frame_cfa &&
                          operations[1].atom >= DW_OP_breg0 && operations[1].atom <= DW_OP_breg31;
  std::string text;
  for (size_t i = unused_cfa ? 1 : 0; i < operations.size(); ++i) {
    if (!text.empty()) text += ' ';
    text += one_operation(operations[i]);
  }
  return text;
}

std::string rbp_words(const unwind_row& row) {
  if (row.cfa_kind == UNWIND_CFA_SIGNAL) return breg(UNWIND_RSP, UNWIND_UCONTEXT_RBP);
  switch (row.rbp_kind) {
    case UNWIND_RBP_SAME:
      return "same";
    case UNWIND_RBP_CFA:
      return at_cfa(row.rbp_offset * 8);
    case UNWIND_RBP_RBP:
      return breg(UNWIND_RBP, row.rbp_offset * 8);
    case UNWIND_RBP_REGISTER:
      return "reg" + std::to_string(row.rbp_offset);
    default:
      return "undefined";
  }
}

std::string row_text(const unwind_row& row) {
  return "cfa=" + row_cfa(row) + " ra=" + row_return_address(row) + " rbp=" + rbp_words(row) +
         " rbx=" + row_rbx(row);
}

std::string RuleWords::text() const {
  return "cfa=" + cfa + " ra=" + return_address + " rsp=" + rsp + " rbp=" + rbp + " rbx=" + rbx +
         (signal_frame ? " signal" : "");
}

Verdict RuleWords::judge(const unwind_row& row) const {
  if (row.cfa_kind == UNWIND_CFA_STOP) {
    return return_address == "undefined" ? Verdict::kSame : Verdict::kDifferent;
  }
  // The caller's rsp is the CFA: libdw says so in words of the psABI, or of the signal's
  // expression.
  const bool signal = row.cfa_kind == UNWIND_CFA_SIGNAL;
  const std::string row_rsp = signal ? breg(UNWIND_RSP, UNWIND_UCONTEXT_RSP) : "cfa value";
  const bool same_rsp = rsp == row_rsp || (!signal && rsp == "cfa plus(0) value");
  if (cfa != row_cfa(row) || return_address != row_return_address(row) || !same_rsp ||
      signal != signal_frame) {
    return Verdict::kDifferent;
  }
  const std::string found_rbp = rbp_words(row);
  const std::string found_rbx = row_rbx(row);
  const bool same_rbp = rbp == found_rbp;
  // libdw takes an rbx that no instruction names for call-clobbered; the psABI (3.2.1) has it
  // preserved.
  const bool same_rbx = rbx == found_rbx || (rbx == "undefined" && found_rbx == "same");
  if (same_rbp && same_rbx) return Verdict::kSame;
  const bool lost =
      (same_rbp || found_rbp == "undefined") && (same_rbx || found_rbx == "undefined");
  return lost ? Verdict::kRegisterLost : Verdict::kDifferent;
}

}  // namespace hostlens::tests
