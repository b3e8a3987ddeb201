// SPDX-License-Identifier: Apache-2.0
#include "probes/fsync_probe.h"

#include "bpf/fsync.skel.h"

namespace hostlens::probes {
namespace {

constexpr char kFsync[] = "hostlens.fsync.duration, of ext4";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__ext4_sync_file_enter", kFsync},
    {"tp_btf__ext4_sync_file_exit", kFsync},
};

}  // namespace

std::unique_ptr<KernelProbe> attach_fsync_probe(const KernelProbeContext& context) {
  const auto nothing = [](fsync_bpf&) { return base::Result<void>{}; };
  return attach_kernel_probe<fsync_bpf>("fsync", kPrograms, context, nothing, nothing);
}

}  // namespace hostlens::probes
