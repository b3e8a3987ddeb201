// SPDX-License-Identifier: Apache-2.0
// Strangers' bytes to texts that every format can carry, and numbers as Prometheus spells them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/attribute.h"

namespace hostlens::exporters::prometheus {

/// Routes are templated and bounded before; this is the last line of defence.
inline constexpr size_t kMaxLabelValueBytes = 512;

/// Valid UTF-8 of at most `most` bytes, cut at a character. Bytes that are no UTF-8 and control
/// characters other than tab and newline become U+FFFD (Prometheus' lexer ends at a NUL).
[[nodiscard]] std::string clean_text(std::string_view bytes, size_t most = kMaxLabelValueBytes);

/// Clean. Numbers and booleans as JSON spells them, lists as JSON arrays.
[[nodiscard]] std::string label_value(const model::AttributeValue& value);

/// Shortest text that reads back as the same double; "NaN", "+Inf", "-Inf".
void append_number(std::string& out, double value);
void append_number(std::string& out, int64_t value);
void append_number(std::string& out, uint64_t value);

}  // namespace hostlens::exporters::prometheus
