// SPDX-License-Identifier: Apache-2.0
// What became of a sample's stack.
#pragma once

#include <string_view>

#include "model/stack.h"
#include "records/profile.h"

namespace hostlens::symbols {

/// Whether the stack is whole. Of one that did not end by its rows the name of the last function
/// decides: the entry of a thread has no caller, whatever the unwinder tried to read there.
[[nodiscard]] bool is_complete(const model::Sample& sample, profile_outcome outcome);

/// "complete", "truncated", "no_mapping" ...: the attribute `outcome` of hostlens.profile.samples.
[[nodiscard]] std::string_view outcome_text(profile_outcome outcome);

}  // namespace hostlens::symbols
