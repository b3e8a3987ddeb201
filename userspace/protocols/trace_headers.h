// SPDX-License-Identifier: Apache-2.0
// Trace context headers, shared by all protocols that carry them.
#pragma once

#include <optional>
#include <string_view>

#include "model/trace_context.h"

namespace hostlens::protocols {

/// W3C Trace Context level 1, section 3.2: version 00 exactly, later versions by their first four
/// fields, version ff and all-zero ids refused. `trace_state` is left empty.
[[nodiscard]] std::optional<model::TraceContext> parse_traceparent(std::string_view value);

/// tracestate is opaque to us and kept only whole: longer than 512 bytes is left out
/// (section 3.3.1.5 asks for at least 512), so that no list member is ever cut in two.
[[nodiscard]] bool acceptable_tracestate(std::string_view value);

}  // namespace hostlens::protocols
