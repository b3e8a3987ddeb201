// SPDX-License-Identifier: Apache-2.0
#include "probes/process_probe.h"

#include "bpf/process.skel.h"
#include "probes/iterator.h"

namespace hostlens::probes {
namespace {

constexpr char kStates[] =
    "hostlens.thread.blocked.duration, hostlens.thread.runqueue.duration, hostlens.thread."
    "migrations";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__sched_process_fork", kStates},
    {"iter__task", kStates},
    {"tp_btf__sched_process_exec", "hostlens.process.execs"},
    {"tp_btf__sched_process_exit", "hostlens.process.exits, hostlens.process.lifetime"},
};

/// The threads that are there already.
base::Result<void> visit_threads(process_bpf& skeleton) {
  return run_iterator(skeleton.links.iter__task, "threads");
}

}  // namespace

std::unique_ptr<KernelProbe> attach_process_probe(const KernelProbeContext& context) {
  return attach_kernel_probe<process_bpf>(
      "process", kPrograms, context, [](process_bpf&) { return base::Result<void>{}; },
      visit_threads);
}

}  // namespace hostlens::probes
