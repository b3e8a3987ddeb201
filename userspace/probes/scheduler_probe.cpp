// SPDX-License-Identifier: Apache-2.0
#include "probes/scheduler_probe.h"

#include "bpf/scheduler.skel.h"
#include "probes/blocked_causes.h"

namespace hostlens::probes {
namespace {

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__sched_switch", "hostlens.thread.blocked.duration, hostlens.thread.runqueue.duration"},
    {"tp_btf__sched_migrate_task", "hostlens.thread.migrations"},
};

base::Result<void> set_causes(scheduler_bpf& skeleton) {
  fill_blocked_causes(skeleton.rodata->cause_of_call);
  return {};
}

}  // namespace

std::unique_ptr<KernelProbe> attach_scheduler_probe(const KernelProbeContext& context) {
  return attach_kernel_probe<scheduler_bpf>("scheduler", kPrograms, context, set_causes,
                                            [](scheduler_bpf&) { return base::Result<void>{}; });
}

}  // namespace hostlens::probes
