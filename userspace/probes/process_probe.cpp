// SPDX-License-Identifier: Apache-2.0
#include "probes/process_probe.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <array>

#include "base/unique_fd.h"
#include "bpf/process.skel.h"

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

/// Runs the iterator over the threads that are there already.
base::Result<void> visit_threads(process_bpf& skeleton) {
  const base::UniqueFd visit(bpf_iter_create(bpf_link__fd(skeleton.links.iter__task)));
  if (!visit) return base::errno_error("iterator over threads");
  std::array<char, 64> nothing{};
  ssize_t got = 0;
  do {
    got = ::read(visit.get(), nothing.data(), nothing.size());
  } while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
  if (got < 0) return base::errno_error("iterator over threads: read");
  return {};
}

}  // namespace

std::unique_ptr<KernelProbe> attach_process_probe(const KernelProbeContext& context) {
  return attach_kernel_probe<process_bpf>(
      "process", kPrograms, context, [](process_bpf&) { return base::Result<void>{}; },
      visit_threads);
}

}  // namespace hostlens::probes
