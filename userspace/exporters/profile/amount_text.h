// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "exporters/profile/stack_tree.h"

namespace hostlens::exporters::profile {

/// A weight for people: "1234 samples, 65.00 s", "1.23 ms".
[[nodiscard]] std::string amount_text(const StackTree& tree, uint64_t weight);

}  // namespace hostlens::exporters::profile
