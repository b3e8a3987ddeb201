// SPDX-License-Identifier: Apache-2.0
#include "kernel/target_table.h"

#include <bpf/bpf.h>

#include <atomic>

namespace hostlens::kernel {

base::Result<void> TargetTable::set_process(uint32_t pid, bool is_target) {
  if (pid == 0 || pid / 64 >= words_) {
    return base::invalid_error("target: no process can have the id " + std::to_string(pid));
  }
  const std::atomic_ref<uint64_t> word(bits_[pid / 64]);
  const uint64_t bit = uint64_t{1} << (pid % 64);
  if (is_target) {
    word.fetch_or(bit);
  } else {
    word.fetch_and(~bit);
  }
  return {};
}

bool TargetTable::is_target(uint32_t pid) const {
  if (pid / 64 >= words_) return false;
  const std::atomic_ref<uint64_t> word(bits_[pid / 64]);
  return (word.load() & uint64_t{1} << (pid % 64)) != 0;
}

base::Result<void> TargetTable::set_cgroup(uint64_t cgroup_id, bool is_target) {
  const uint8_t present = 1;
  if (is_target) {
    if (bpf_map_update_elem(cgroups_fd_, &cgroup_id, &present, BPF_ANY) == 0) return {};
    if (errno == E2BIG) {
      return base::Error{base::Error::Kind::kBusy, E2BIG, "target cgroups: the set is full", {}};
    }
    return base::errno_error("target cgroups: add");
  }
  if (bpf_map_delete_elem(cgroups_fd_, &cgroup_id) == 0 || errno == ENOENT) return {};
  return base::errno_error("target cgroups: remove");
}

}  // namespace hostlens::kernel
