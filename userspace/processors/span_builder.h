// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/clock.h"
#include "model/exchange.h"
#include "model/span.h"

namespace hostlens::processors {

/// The span of a finished exchange whose context is settled, by the stable HTTP semantic
/// conventions of OpenTelemetry; attributes of our own begin with "hostlens.". The exchange's texts
/// are redacted already.
[[nodiscard]] model::Span build_span(const model::Exchange& exchange, const base::WallClock& clock);

}  // namespace hostlens::processors
