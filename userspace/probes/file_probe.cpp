// SPDX-License-Identifier: Apache-2.0
#include "probes/file_probe.h"

#include "bpf/file.skel.h"

namespace hostlens::probes {
namespace {

constexpr char kExt4[] = "hostlens.file.io.duration, of ext4";
constexpr char kXfs[] = "hostlens.file.io.duration, of xfs";
constexpr char kBtrfs[] = "hostlens.file.io.duration, of btrfs";
constexpr char kSync[] = "hostlens.fsync.duration, of xfs, btrfs and f2fs";
constexpr char kOpen[] = "hostlens.file.io.duration, of opens";

/// What a kernel has of these depends on the modules it has loaded.
constexpr KernelProgram kPrograms[] = {
    {"fentry__ext4_file_read_iter", kExt4, false},
    {"fexit__ext4_file_read_iter", kExt4, false},
    {"fentry__ext4_file_write_iter", kExt4, false},
    {"fexit__ext4_file_write_iter", kExt4, false},
    {"fentry__xfs_file_read_iter", kXfs, false},
    {"fexit__xfs_file_read_iter", kXfs, false},
    {"fentry__xfs_file_write_iter", kXfs, false},
    {"fexit__xfs_file_write_iter", kXfs, false},
    {"fentry__btrfs_file_read_iter", kBtrfs, false},
    {"fexit__btrfs_file_read_iter", kBtrfs, false},
    {"fentry__btrfs_file_write_iter", kBtrfs, false},
    {"fexit__btrfs_file_write_iter", kBtrfs, false},
    {"fentry__xfs_file_fsync", kSync, false},
    {"fexit__xfs_file_fsync", kSync, false},
    {"fentry__btrfs_sync_file", kSync, false},
    {"fexit__btrfs_sync_file", kSync, false},
    {"fentry__f2fs_sync_file", kSync, false},
    {"fexit__f2fs_sync_file", kSync, false},
    {"fentry__do_filp_open", kOpen, false},
    {"fexit__do_filp_open", kOpen, false},
};

}  // namespace

std::unique_ptr<KernelProbe> attach_file_probe(const KernelProbeContext& context) {
  const auto nothing = [](file_bpf&) { return base::Result<void>{}; };
  return attach_kernel_probe<file_bpf>("file", kPrograms, context, nothing, nothing);
}

}  // namespace hostlens::probes
