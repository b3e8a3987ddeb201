// SPDX-License-Identifier: Apache-2.0
#include "probes/disk_probe.h"

#include "bpf/disk.skel.h"

namespace hostlens::probes {
namespace {

constexpr char kRequests[] =
    "hostlens.disk.io.duration, hostlens.disk.queue.duration, hostlens.disk.io.size, "
    "hostlens.disk.io.errors";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__block_rq_insert", kRequests},
    {"tp_btf__block_rq_issue", kRequests},
    {"tp_btf__block_rq_merge", kRequests},
    {"tp_btf__block_rq_complete", kRequests},
};

}  // namespace

std::unique_ptr<KernelProbe> attach_disk_probe(const KernelProbeContext& context) {
  const auto nothing = [](disk_bpf&) { return base::Result<void>{}; };
  return attach_kernel_probe<disk_bpf>("disk", kPrograms, context, nothing, nothing);
}

}  // namespace hostlens::probes
