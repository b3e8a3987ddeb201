// SPDX-License-Identifier: Apache-2.0
// Why threads sleep, as the attribute `cause` of hostlens.thread.blocked.duration and the leaves of
// profiles say it.
#pragma once

#include <cstdint>

namespace hostlens::aggregators {

/// enum blocked_cause; "other" for what is none.
[[nodiscard]] const char* blocked_cause_name(uint32_t cause);

}  // namespace hostlens::aggregators
