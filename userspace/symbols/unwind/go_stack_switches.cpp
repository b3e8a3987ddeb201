// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/go_stack_switches.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "symbols/unwind/row_encoding.h"

namespace hostlens::symbols {
namespace {

constexpr int64_t kReturnAddress = 8;
constexpr uint32_t kMostNameBytes = 32;  // of those looked for
constexpr uint64_t kMostCodeBytes = 512;
/// There are a dozen with their wrappers. Only a hostile table has the same names again and again.
constexpr uint32_t kMostFunctions = 64;
/// push %rbp; mov %rsp,%rbp
constexpr std::array<std::byte, 4> kPrologue{std::byte{0x55}, std::byte{0x48}, std::byte{0x89},
                                             std::byte{0xe5}};

std::vector<std::byte> code_at(const ElfView& file, uint64_t address) {
  const auto offset = file.offset_of(address);
  if (!offset) return {};
  auto bytes =
      file.read(*offset, std::min(kMostCodeBytes, file.source().size() - *offset), kMostCodeBytes);
  return bytes ? *std::move(bytes) : std::vector<std::byte>{};
}

/// Where the first instruction that replaces rsp from `from` on ends; 0: there is none. They are
/// `mov disp8(register),%rsp` and `mov register,%rsp`.
uint64_t end_of_switch(const std::vector<std::byte>& code, uint64_t from) {
  for (uint64_t i = from; i + 4 <= code.size(); ++i) {
    const auto byte = [&](uint64_t at) { return static_cast<uint8_t>(code[i + at]); };
    if (byte(0) != 0x48 && byte(0) != 0x49 && byte(0) != 0x4c) continue;
    // ModRM: a displacement of a byte, to rsp, from a register that is not rsp or r12 (which have
    // another form); or from any register to rsp, but not rbp, which ends a frame.
    const uint8_t operands = byte(2);
    if (byte(1) == 0x8b && (operands & 0xf8U) == 0x60 && (operands & 7U) != 4) return i + 4;
    if (byte(1) == 0x89 && (operands & 0xc7U) == 0xc4 && operands != 0xec) return i + 3;
  }
  return 0;
}

int32_t depth_at(const GoLineTable& functions, uint32_t function, uint64_t address) {
  int32_t found = 0;
  functions.stack_depths(function, [&](const GoStackDepth& depth) {
    if (address >= depth.begin && address < depth.end) found = depth.bytes;
  });
  return found;
}

/// Of the function itself and of its wrapper for assembly, which has less on its stack.
int32_t greatest_depth(const GoLineTable& functions, uint32_t function) {
  int32_t greatest = 0;
  functions.stack_depths(
      function, [&](const GoStackDepth& depth) { greatest = std::max(greatest, depth.bytes); });
  return greatest;
}

}  // namespace

unwind_row go_row(int64_t bytes) {
  FrameRules rules;
  rules.cfa.kind = CfaRule::Kind::kRegister;
  rules.cfa.reg = UNWIND_RSP;
  rules.cfa.offset = bytes + kReturnAddress;
  rules.return_address.kind = RegisterRule::Kind::kCfaOffset;
  rules.return_address.value = -kReturnAddress;
  if (bytes >= kReturnAddress) {
    rules.rbp.kind = RegisterRule::Kind::kCfaOffset;
    rules.rbp.value = -2 * kReturnAddress;
  }
  return encode_row(rules, false);
}

GoStackSwitches::GoStackSwitches(const ElfView& file, const GoLineTable& functions) {
  struct Known {
    std::string_view name;
    Kind kind;
  };
  static constexpr std::array kKnown{
      Known{"runtime.systemstack", Kind::kKeepsFramePointer},
      Known{"runtime.asmcgocall", Kind::kKeepsFramePointer},
      Known{"runtime.mcall", Kind::kLeavesGoroutine},
      Known{"runtime.morestack", Kind::kLeavesGoroutine},
      Known{"runtime.mstart", Kind::kThreadStart},
      Known{"runtime.mstart0", Kind::kThreadsFirstFrame},
      Known{"runtime.sigreturn", Kind::kSignalReturn},
      Known{"runtime.sigreturn__sigaction", Kind::kSignalReturn},
  };
  uint32_t met = 0;
  for (uint32_t i = 0; i < functions.functions() && met < kMostFunctions; ++i) {
    const auto known =
        std::ranges::find(kKnown, functions.name_of(i, kMostNameBytes), &Known::name);
    if (known == kKnown.end()) continue;
    ++met;
    if (known->kind == Kind::kThreadsFirstFrame) {
      depth_of_mstart_ = std::max(depth_of_mstart_, greatest_depth(functions, i));
    } else {
      add(known->kind, i, file, functions);
    }
  }
}

void GoStackSwitches::add(Kind kind, uint32_t function, const ElfView& file,
                          const GoLineTable& functions) {
  const auto start = functions.start_of(function);
  if (!start) return;
  Switch found{.kind = kind, .begin = *start};
  if (kind == Kind::kSignalReturn) {
    if (*start == 0) return;
    signal_return_ = function;
    signal_row_ = *start - 1;
  } else if (kind != Kind::kThreadStart) {
    const std::vector<std::byte> code = code_at(file, *start);
    const bool has_frame = code.size() >= kPrologue.size() &&
                           std::equal(kPrologue.begin(), kPrologue.end(), code.begin());
    uint64_t begin = end_of_switch(code, 0);
    if (kind == Kind::kKeepsFramePointer && has_frame) {
      // From here on rbp is the frame's, on whichever stack rsp is.
      begin = kPrologue.size();
    } else if (kind == Kind::kKeepsFramePointer) {
      const uint64_t end = end_of_switch(code, begin);
      if (end == 0) return;
      found.end = *start + end;
    }
    if (begin == 0) return;
    found.begin += begin;
    found.depth = depth_at(functions, function, found.begin);
  }
  switches_.emplace(function, found);
}

void GoStackSwitches::append_rows(uint32_t function, const GoStackDepth& depth,
                                  std::vector<GoRow>& rows) const {
  const auto found = switches_.find(function);
  if (found == switches_.end()) {
    uint64_t end = depth.end;
    if (function < signal_return_) end = std::min(end, signal_row_);
    rows.push_back({depth.begin, end, go_row(depth.bytes)});
    return;
  }
  const Switch& there = found->second;
  const uint64_t begin = std::clamp(there.begin, depth.begin, depth.end);
  const uint64_t end = std::clamp(there.end, begin, depth.end);
  const unwind_row usual = go_row(depth.bytes);
  GoRow switched{begin, end, usual};
  switch (there.kind) {
    case Kind::kSignalReturn:
      switched.begin = signal_row_;
      switched.row = {};
      switched.row.cfa_kind = UNWIND_CFA_SIGNAL;
      break;
    case Kind::kThreadStart:
      switched.row = {};
      switched.row.cfa_kind = UNWIND_CFA_STOP;
      break;
    case Kind::kThreadsFirstFrame:
      break;
    case Kind::kKeepsFramePointer:
      // Once rbp is the caller's again, so is rsp.
      if (depth.bytes < there.depth) break;
      switched.row = {};
      switched.row.cfa_kind = UNWIND_CFA_RBP_ELSEWHERE;
      switched.row.cfa_offset = 2;
      switched.row.rbp_kind = UNWIND_RBP_CFA;
      switched.row.rbp_offset = -2;
      break;
    case Kind::kLeavesGoroutine:
      // What was pushed since, then the frame of mstart0 as it was when the thread began.
      switched.row = go_row(int64_t{depth.bytes} - there.depth + depth_of_mstart_);
      break;
  }
  for (const GoRow& each :
       {GoRow{depth.begin, begin, usual}, switched, GoRow{end, depth.end, usual}}) {
    if (each.begin < each.end) rows.push_back(each);
  }
}

}  // namespace hostlens::symbols
