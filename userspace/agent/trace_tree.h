// SPDX-License-Identifier: Apache-2.0
// A trace as people read it: spans under their parents, with a time bar.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hostlens::agent {

/// Of an agent's /api/v1/traces: the trace with the most services, among these the one with the
/// most spans, among these the newest. "" when there is no trace yet; kInvalid when `json` is no
/// such document.
[[nodiscard]] base::Result<std::string> trace_tree(std::string_view json, size_t width);

}  // namespace hostlens::agent
