// SPDX-License-Identifier: Apache-2.0
// Rules as the 8 bytes that the unwinder in the kernel reads: records/unwind.h.
#pragma once

#include "records/unwind.h"
#include "symbols/unwind/frame_rules.h"

namespace hostlens::symbols {

/// The row with pc_low 0. What a row cannot say becomes UNWIND_CFA_INVALID with the reason, or an
/// unknown rbp or rbx.
[[nodiscard]] unwind_row encode_row(const FrameRules& rules, bool signal_frame);

[[nodiscard]] unwind_row invalid_row(unwind_invalid_reason reason);

/// Whether both say the same, wherever they begin.
[[nodiscard]] inline bool same_rules(const unwind_row& left, const unwind_row& right) {
  return left.cfa_kind == right.cfa_kind && left.rbp_kind == right.rbp_kind &&
         left.cfa_offset == right.cfa_offset && left.rbp_offset == right.rbp_offset &&
         left.rbx_offset == right.rbx_offset;
}

}  // namespace hostlens::symbols
