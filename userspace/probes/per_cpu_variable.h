// SPDX-License-Identifier: Apache-2.0
// Where the kernel keeps what it has of each CPU.
#pragma once

#include <bpf/btf.h>

#include <cstdint>
#include <optional>

namespace hostlens::probes {

/// Bytes from the beginning of a CPU's variables, the same for each; nullopt: these types do not
/// tell. Only distances between two of them mean something.
[[nodiscard]] std::optional<int64_t> per_cpu_offset(const btf* types, const char* variable);

/// Bytes from a CPU's run queue to its preemption counter on x86-64: a variable of its own, or from
/// Linux 6.2 to 6.14 a field of another (pcpu_hot, arch/x86/include/asm/current.h).
[[nodiscard]] std::optional<int64_t> preempt_count_behind_queue(const btf* types);

}  // namespace hostlens::probes
