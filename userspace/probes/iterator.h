// SPDX-License-Identifier: Apache-2.0
// BPF iterators that are run for what their program does, not for what it writes.
#pragma once

#include "base/result.h"

struct bpf_link;

namespace hostlens::probes {

/// From the first to the last object. `over` says over what, for the error.
[[nodiscard]] base::Result<void> run_iterator(const bpf_link* link, const char* over);

}  // namespace hostlens::probes
