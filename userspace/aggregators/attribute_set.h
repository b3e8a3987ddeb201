// SPDX-License-Identifier: Apache-2.0
// Attribute sets of metric points: sorted by key, unique. Off the hot path: made once per series.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/attribute.h"
#include "model/service.h"

namespace hostlens::aggregators {

/// Puts the attribute at its sorted place; a key that is there gets the new value.
void put(model::Attributes& attributes, std::string_view key, model::AttributeValue value);
/// As put, but an empty text or a zero says nothing and is left out.
void put_text(model::Attributes& attributes, std::string_view key, std::string_view text);
void put_number(model::Attributes& attributes, std::string_view key, uint64_t number);

[[nodiscard]] model::Attributes with(model::Attributes attributes, std::string_view key,
                                     std::string_view text);
[[nodiscard]] model::Attributes without(model::Attributes attributes, std::string_view key);

/// The only attribute of an overflow series (OpenTelemetry metrics SDK, cardinality limits).
[[nodiscard]] model::Attributes overflow_attributes();

/// Two series are one when service (name, namespace, instance) and attributes are equal; this text
/// is then equal too, and only then.
[[nodiscard]] std::string identity(const model::Service& service,
                                   const model::Attributes& attributes);

}  // namespace hostlens::aggregators
