// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/go_frames.h"

#include <algorithm>

#include "symbols/names/go_program.h"
#include "symbols/unwind/row_encoding.h"

namespace hostlens::symbols {
namespace {

constexpr int64_t kReturnAddress = 8;

/// As the linker says it: the CFA is above the return address, and no register but rsp is told.
unwind_row row_of(const GoStackDepth& depth) {
  FrameRules rules;
  rules.cfa.kind = CfaRule::Kind::kRegister;
  rules.cfa.reg = UNWIND_RSP;
  rules.cfa.offset = depth.bytes + kReturnAddress;
  rules.return_address.kind = RegisterRule::Kind::kCfaOffset;
  rules.return_address.value = -kReturnAddress;
  return encode_row(rules, false);
}

}  // namespace

GoFrames::GoFrames(const ElfView& file) : code_(file.executable_segments()) {
  if (auto table = open_go_program(file)) functions_ = *std::move(table);
}

bool GoFrames::is_code(uint64_t begin, uint64_t end) const {
  return std::ranges::any_of(code_, [&](const ElfSegment& segment) {
    return begin >= segment.address && end - segment.address <= segment.file_size &&
           end <= kRowAddressEnd;
  });
}

void GoFrames::add_before(uint64_t address, RowTable& table) {
  if (!functions_) return;
  for (; next_ < functions_->functions() && !limit_reached() && !table.limit_reached(); ++next_) {
    const auto start = functions_->start_of(next_);
    if (start && *start >= address) return;
    steps_ += 1 + functions_->stack_depths(next_, [&](const GoStackDepth& depth) {
      if (depth.begin < depth.end && depth.bytes >= -kReturnAddress &&
          is_code(depth.begin, depth.end)) {
        table.add(depth.begin, depth.end, row_of(depth));
      }
    });
  }
}

}  // namespace hostlens::symbols
