// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/cfi_program.h"

#include <algorithm>

#include "records/unwind.h"
#include "symbols/unwind/frame_expression.h"

namespace hostlens::symbols {
namespace {

// DWARF 5 section 7.24. The first three have their operand in the low six bits.
enum Instruction : uint8_t {
  kAdvanceLoc = 0x40,
  kOffset = 0x80,
  kRestore = 0xc0,
  kPrimaryMask = 0xc0,
  kOperandMask = 0x3f,

  kNop = 0x00,
  kSetLoc = 0x01,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kOffsetExtended = 0x05,
  kRestoreExtended = 0x06,
  kUndefined = 0x07,
  kSameValue = 0x08,
  kRegister = 0x09,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
  kDefCfaExpression = 0x0f,
  kExpression = 0x10,
  kOffsetExtendedSf = 0x11,
  kDefCfaSf = 0x12,
  kDefCfaOffsetSf = 0x13,
  kValOffset = 0x14,
  kValOffsetSf = 0x15,
  kValExpression = 0x16,
  kAdvanceLoc8 = 0x1d,  // MIPS', written by GNU as for code of 4 GiB
  kGnuArgsSize = 0x2e,
  kGnuNegativeOffsetExtended = 0x2f,
};

uint8_t small_register(uint64_t reg) { return static_cast<uint8_t>(std::min<uint64_t>(reg, 255)); }

/// Wraps instead of overflowing: what a hostile file says may be nonsense, not undefined.
int64_t multiply(int64_t left, int64_t right) {
  return static_cast<int64_t>(static_cast<uint64_t>(left) * static_cast<uint64_t>(right));
}

int64_t negated(int64_t value) { return multiply(value, -1); }

}  // namespace

void CfiProgram::run(const Fde& fde, uint64_t end, RuleSink& sink) {
  location_ = fde.start;
  if (!prepare(fde.cie)) {
    sink.on_failure(fde.start, end, RuleSink::Failure::kInstruction);
    return;
  }
  location_ = fde.start;
  rules_ = initial_;
  remembered_count_ = 0;
  const CfiSection& section = entries_.sections[cie_->section];
  CfiCursor cursor(section.bytes.first(fde.instructions_end));
  (void)cursor.take(fde.instructions);
  while (!cursor.empty()) {
    const Step step = execute(cursor);
    if (step == Step::kFailed || step == Step::kLimit || cursor.failed()) {
      sink.on_failure(
          location_, end,
          step == Step::kLimit ? RuleSink::Failure::kLimit : RuleSink::Failure::kInstruction);
      return;
    }
    if (step != Step::kAdvance || next_location_ == location_) continue;
    if (next_location_ >= end) break;
    sink.on_rules(location_, next_location_, rules_, cie_->signal_frame);
    location_ = next_location_;
  }
  sink.on_rules(location_, end, rules_, cie_->signal_frame);
}

bool CfiProgram::prepare(uint32_t cie) {
  if (prepared_ == cie) return prepared_well_;
  prepared_ = cie;
  cie_ = &entries_.cies[cie];
  rules_ = {};
  initial_ = {};
  remembered_count_ = 0;
  prepared_well_ = false;
  if (cie_->other_machine) return false;
  CfiCursor cursor(entries_.sections[cie_->section].bytes.first(cie_->instructions_end));
  (void)cursor.take(cie_->instructions);
  while (!cursor.empty()) {
    if (execute(cursor) != Step::kGoOn) return false;
  }
  initial_ = rules_;
  prepared_well_ = !cursor.failed();
  return prepared_well_;
}

CfiProgram::Step CfiProgram::execute(CfiCursor& cursor) {
  const uint8_t byte = cursor.fixed<uint8_t>();
  const uint8_t operand = byte & kOperandMask;
  switch (byte & kPrimaryMask) {
    case kAdvanceLoc:
      return advance(operand);
    case kOffset:
      set(operand, {.kind = RegisterRule::Kind::kCfaOffset,
                    .value = factored(static_cast<int64_t>(cursor.uleb()))});
      return Step::kGoOn;
    case kRestore:
      restore(operand);
      return Step::kGoOn;
    default:
      return execute_extended(byte, cursor);
  }
}

CfiProgram::Step CfiProgram::execute_extended(uint8_t operation, CfiCursor& cursor) {
  switch (operation) {
    case kNop:
      return Step::kGoOn;
    case kSetLoc:
      next_location_ =
          read_pointer(cursor, cie_->pointer_encoding, entries_.sections[cie_->section].bases);
      return next_location_ >= location_ ? Step::kAdvance : Step::kFailed;
    case kAdvanceLoc1:
      return advance(cursor.fixed<uint8_t>());
    case kAdvanceLoc2:
      return advance(cursor.fixed<uint16_t>());
    case kAdvanceLoc4:
      return advance(cursor.fixed<uint32_t>());
    case kAdvanceLoc8:
      return advance(cursor.fixed<uint64_t>());
    case kRestoreExtended:
      restore(cursor.uleb());
      return Step::kGoOn;
    case kRememberState:
      return remember();
    case kRestoreState:
      return recall();
    case kGnuArgsSize:  // what landing pads pop: no rule
      (void)cursor.uleb();
      return Step::kGoOn;
    case kDefCfa:
    case kDefCfaSf:
    case kDefCfaRegister:
    case kDefCfaOffset:
    case kDefCfaOffsetSf:
    case kDefCfaExpression:
      return define_cfa(operation, cursor);
    default:
      return set_register(operation, cursor);
  }
}

CfiProgram::Step CfiProgram::define_cfa(uint8_t operation, CfiCursor& cursor) {
  CfaRule& cfa = rules_.cfa;
  switch (operation) {
    case kDefCfa:
    case kDefCfaSf:
      cfa = {.kind = CfaRule::Kind::kRegister, .reg = small_register(cursor.uleb())};
      cfa.offset =
          operation == kDefCfa ? static_cast<int64_t>(cursor.uleb()) : factored(cursor.sleb());
      return Step::kGoOn;
    case kDefCfaRegister:
      cfa.reg = small_register(cursor.uleb());
      break;
    case kDefCfaOffset:
      cfa.offset = static_cast<int64_t>(cursor.uleb());
      break;
    case kDefCfaOffsetSf:
      cfa.offset = factored(cursor.sleb());
      break;
    default:
      cfa = cfa_of_expression(cursor.take(cursor.uleb()));
      return Step::kGoOn;
  }
  // Half of a rule can only replace half of one.
  return cfa.kind == CfaRule::Kind::kRegister ? Step::kGoOn : Step::kFailed;
}

CfiProgram::Step CfiProgram::set_register(uint8_t operation, CfiCursor& cursor) {
  using Kind = RegisterRule::Kind;
  RegisterRule rule;
  const uint64_t reg = cursor.uleb();
  switch (operation) {
    case kOffsetExtended:
      rule = {.kind = Kind::kCfaOffset, .value = factored(static_cast<int64_t>(cursor.uleb()))};
      break;
    case kOffsetExtendedSf:
      rule = {.kind = Kind::kCfaOffset, .value = factored(cursor.sleb())};
      break;
    case kGnuNegativeOffsetExtended:
      rule = {.kind = Kind::kCfaOffset,
              .value = negated(factored(static_cast<int64_t>(cursor.uleb())))};
      break;
    case kValOffset:
      rule = {.kind = Kind::kCfaValue, .value = factored(static_cast<int64_t>(cursor.uleb()))};
      break;
    case kValOffsetSf:
      rule = {.kind = Kind::kCfaValue, .value = factored(cursor.sleb())};
      break;
    case kUndefined:
      rule.kind = Kind::kUndefined;
      break;
    case kSameValue:
      rule.kind = Kind::kSame;
      break;
    case kRegister:
      rule = {.kind = Kind::kRegister, .reg = small_register(cursor.uleb())};
      break;
    case kExpression:
      rule = saved_at_expression(cursor.take(cursor.uleb()));
      break;
    case kValExpression:
      (void)cursor.take(cursor.uleb());
      rule.kind = Kind::kUnknown;
      break;
    default:
      return Step::kFailed;
  }
  set(reg, rule);
  return Step::kGoOn;
}

CfiProgram::Step CfiProgram::advance(uint64_t units) {
  // A location beyond 64 bits is beyond any end.
  uint64_t delta = 0;
  if (__builtin_mul_overflow(units, cie_->code_alignment, &delta) ||
      __builtin_add_overflow(location_, delta, &next_location_)) {
    next_location_ = UINT64_MAX;
  }
  return Step::kAdvance;
}

CfiProgram::Step CfiProgram::remember() {
  if (remembered_count_ == remembered_.size()) return Step::kLimit;
  remembered_[remembered_count_++] = rules_;
  return Step::kGoOn;
}

CfiProgram::Step CfiProgram::recall() {
  if (remembered_count_ == 0) return Step::kFailed;
  rules_ = remembered_[--remembered_count_];
  return Step::kGoOn;
}

RegisterRule* CfiProgram::rule_of(FrameRules& rules, uint64_t reg) const {
  switch (reg) {
    case UNWIND_RBX:
      return &rules.rbx;
    case UNWIND_RBP:
      return &rules.rbp;
    case UNWIND_RSP:
      return &rules.rsp;
    case UNWIND_RIP:
      return &rules.return_address;
    default:
      return nullptr;
  }
}

void CfiProgram::set(uint64_t reg, RegisterRule rule) {
  if (RegisterRule* of = rule_of(rules_, reg)) *of = rule;
}

void CfiProgram::restore(uint64_t reg) {
  if (RegisterRule* of = rule_of(rules_, reg)) *of = *rule_of(initial_, reg);
}

int64_t CfiProgram::factored(int64_t value) const { return multiply(value, cie_->data_alignment); }

}  // namespace hostlens::symbols
