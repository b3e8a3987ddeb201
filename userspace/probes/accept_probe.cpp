// SPDX-License-Identifier: Apache-2.0
#include "probes/accept_probe.h"

#include "bpf/accept.skel.h"

namespace hostlens::probes {
namespace {

constexpr char kAccept[] = "hostlens.tcp.accept.duration";

constexpr KernelProgram kPrograms[] = {
    {"fexit__inet_csk_accept", kAccept, true, 2},
    {"fexit__inet_csk_accept_4", kAccept, true, 4},
    {"tp_btf__inet_sock_set_state", kAccept},
};

}  // namespace

std::unique_ptr<KernelProbe> attach_accept_probe(const KernelProbeContext& context) {
  const auto nothing = [](accept_bpf&) { return base::Result<void>{}; };
  return attach_kernel_probe<accept_bpf>("accept", kPrograms, context, nothing, nothing);
}

}  // namespace hostlens::probes
