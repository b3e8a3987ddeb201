// SPDX-License-Identifier: Apache-2.0
// What this kernel offers to attach to, and what became of trying.
#pragma once

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hostlens::probes {

struct DestroyBtf {
  void operator()(btf* types) const { btf__free(types); }
};
using Btf = std::unique_ptr<btf, DestroyBtf>;

/// The kernel's types. kUnsupported, with the remedy: it tells none.
[[nodiscard]] base::Result<Btf> kernel_types();

/// Whether there is a function or tracepoint behind a section "kind/name".
[[nodiscard]] bool hook_exists(const btf* types, std::string_view section);

/// Twins for one function or tracepoint whose arguments changed: whether this kernel's has so many
/// (0: any). True for one that is missing, which hook_exists reports.
[[nodiscard]] bool hook_has_arguments(const btf* types, std::string_view section, uint16_t count);

/// What a person can do about a refusal by the kernel; "" when nothing is known.
[[nodiscard]] std::string remedy_for(int error, std::string_view section);

/// Times that the kernel skipped programs of this object because they were already running on that
/// CPU (bpf_prog_info.recursion_misses): events nobody saw.
[[nodiscard]] uint64_t recursion_misses(bpf_object* object);

}  // namespace hostlens::probes
