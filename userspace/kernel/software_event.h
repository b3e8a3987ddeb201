// SPDX-License-Identifier: Apache-2.0
// Programs that run when the kernel counts something itself (perf_event_open(2), software events).
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace hostlens::kernel {

struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, DestroyLink>;

/// Runs `program` (SEC("perf_event"), loaded) at each event of every thread on all CPUs that are
/// online now; `event` is one of PERF_COUNT_SW_*. Privileged. It ends with the links.
[[nodiscard]] base::Result<std::vector<Link>> attach_software_event(bpf_program* program,
                                                                    uint64_t event);

}  // namespace hostlens::kernel
