// SPDX-License-Identifier: Apache-2.0
// What a thread waits for, by the system call that it sleeps in: bpf/lib/blocked_cause.bpf.h.
#pragma once

#include <cstdint>
#include <span>

namespace hostlens::probes {

/// `causes`: the constant `cause_of_call` of an object that is not loaded yet, by number of the
/// call.
void fill_blocked_causes(std::span<uint8_t> causes);

}  // namespace hostlens::probes
