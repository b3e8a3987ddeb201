// SPDX-License-Identifier: Apache-2.0
#include "probes/writeback_probe.h"

#include "bpf/writeback.skel.h"

namespace hostlens::probes {
namespace {

constexpr char kWriteback[] = "hostlens.writeback.duration";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__writeback_single_inode_start", kWriteback},
    {"tp_btf__writeback_single_inode", kWriteback},
};

}  // namespace

std::unique_ptr<KernelProbe> attach_writeback_probe(const KernelProbeContext& context) {
  const auto nothing = [](writeback_bpf&) { return base::Result<void>{}; };
  return attach_kernel_probe<writeback_bpf>("writeback", kPrograms, context, nothing, nothing);
}

}  // namespace hostlens::probes
