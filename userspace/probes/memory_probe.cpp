// SPDX-License-Identifier: Apache-2.0
#include "probes/memory_probe.h"

#include "bpf/memory.skel.h"

namespace hostlens::probes {
namespace {

constexpr char kStalls[] = "hostlens.memory.reclaim.stall.duration";
constexpr char kKills[] = "hostlens.oom.kills";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__direct_reclaim_begin", kStalls, false},
    {"tp_btf__direct_reclaim_end", kStalls, false},
    {"tp_btf__memcg_reclaim_begin", kStalls, false},
    {"tp_btf__memcg_reclaim_end", kStalls, false},
    {"tp_btf__compaction_begin", kStalls, false},
    {"tp_btf__compaction_end", kStalls, false},
    {"tp_btf__mark_victim", kKills, false, 2},
    {"tp_btf__mark_victim_by_pid", kKills, false, 1},
};

}  // namespace

std::unique_ptr<KernelProbe> attach_memory_probe(const KernelProbeContext& context) {
  const auto nothing = [](memory_bpf&) { return base::Result<void>{}; };
  return attach_kernel_probe<memory_bpf>("memory", kPrograms, context, nothing, nothing);
}

}  // namespace hostlens::probes
