// SPDX-License-Identifier: Apache-2.0
#include "kernel/shared_maps.h"

#include <bpf/libbpf.h>
#include <fcntl.h>

#include <cerrno>

namespace hostlens::kernel {

base::Result<void> SharedMaps::put(std::string_view name, int fd) {
  base::UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) return base::errno_error("shared map " + std::string(name));
  fds_.insert_or_assign(std::string(name), std::move(own));
  return {};
}

base::Result<void> SharedMaps::lend(bpf_object* object) const {
  for (const auto& [name, fd] : fds_) {
    bpf_map* map = bpf_object__find_map_by_name(object, name.c_str());
    if (map == nullptr) continue;
    if (const int error = bpf_map__reuse_fd(map, fd.get()); error != 0) {
      return base::errno_error("shared map " + name, -error);
    }
  }
  return {};
}

base::Result<void> SharedMaps::learn(bpf_object* object) {
  for (const std::string& name : names_) {
    if (fds_.contains(name)) continue;
    const bpf_map* map = bpf_object__find_map_by_name(object, name.c_str());
    if (map == nullptr) continue;
    if (auto kept = put(name, bpf_map__fd(map)); !kept) return kept;
  }
  return {};
}

int SharedMaps::fd(std::string_view name) const {
  const auto found = fds_.find(name);
  return found == fds_.end() ? -1 : found->second.get();
}

}  // namespace hostlens::kernel
