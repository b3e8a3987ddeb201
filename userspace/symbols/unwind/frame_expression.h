// SPDX-License-Identifier: Apache-2.0
// DWARF expressions in call frame information. They are recognised by pattern, not evaluated: a row
// can hold only what the unwinder in the kernel knows how to do, and real libraries use a handful
// of forms.
#pragma once

#include "base/byte_reader.h"
#include "symbols/unwind/frame_rules.h"

namespace hostlens::symbols {

/// DW_CFA_def_cfa_expression: the CFA is the expression's value. kUnknownExpression for every other
/// form.
[[nodiscard]] CfaRule cfa_of_expression(base::Bytes expression);

/// DW_CFA_expression: the register is saved at the address that the expression gives.
[[nodiscard]] RegisterRule saved_at_expression(base::Bytes expression);

}  // namespace hostlens::symbols
