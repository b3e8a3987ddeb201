// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hostlens::exporters::profile {

[[nodiscard]] bool is_gzip(std::string_view bytes);

/// What several members hold stands one after the other, as gzip(1) has it. Refused when it is
/// damaged, cut off, or larger than `most_bytes`.
[[nodiscard]] base::Result<std::string> gunzip(std::string_view bytes, size_t most_bytes);

}  // namespace hostlens::exporters::profile
