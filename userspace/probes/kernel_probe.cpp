// SPDX-License-Identifier: Apache-2.0
#include "probes/kernel_probe.h"

#include <linux/bpf.h>

namespace hostlens::probes::detail {
namespace {

/// Of tables that are allocated at once: 8,192 keys of a distribution are a megabyte per CPU.
constexpr uint32_t kKeysAtOnce = 1024;

}  // namespace

bool choose_programs(bpf_object* object, const char* probe, std::span<const KernelProgram> programs,
                     const btf* types, std::vector<kernel::HookReport>& hooks) {
  bool complete = true;
  for (const KernelProgram& row : programs) {
    bpf_program* program = bpf_object__find_program_by_name(object, row.name);
    if (program == nullptr) {
      hooks.push_back({probe, row.signal, row.name, false, false, "no such program", {}});
      complete = false;
      continue;
    }
    const char* section = bpf_program__section_name(program);
    const bool fits = hook_has_arguments(types, section, row.arguments);
    const bool exists = hook_exists(types, section);
    bpf_program__set_autoload(program, fits && exists);
    if (!fits) continue;  // its twin serves
    hooks.push_back({probe,
                     row.signal,
                     section,
                     exists,
                     exists,
                     exists ? "" : "this kernel has no such function or tracepoint",
                     {}});
    complete = complete && (exists || !row.required);
  }
  return complete;
}

void fit_tables(bpf_object* object, const btf* types) {
  if (btf__find_by_name_kind(types, "bpf_mem_alloc", BTF_KIND_STRUCT) > 0) return;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_HASH) continue;
    bpf_map__set_map_flags(map, 0);
    bpf_map__set_max_entries(map, kKeysAtOnce);
  }
}

void refuse(std::vector<kernel::HookReport>& hooks, const std::string& reason,
            const std::string& remedy) {
  for (kernel::HookReport& hook : hooks) {
    if (!hook.attached) continue;
    hook.attached = hook.chosen = false;
    hook.reason = reason;
    hook.remedy = remedy;
  }
}

}  // namespace hostlens::probes::detail
