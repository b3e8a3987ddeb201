// SPDX-License-Identifier: Apache-2.0
// Which systemd unit and which container a process belongs to, from the text of /proc/PID/cgroup
// alone.
#pragma once

#include <string>
#include <string_view>

namespace hostlens::discovery {

/// Empty members: not in one. The innermost wins: a unit inside a container has both, a container
/// below a unit (kubelet.service/kubepods/...) has no unit.
struct CgroupIdentity {
  std::string path;  ///< as matched by `cgroup:` rules: the unified one, else systemd's
  std::string unit;  ///< "nginx.service", "postgresql@15-main.service"; never a scope or slice
  std::string container_id;    ///< Docker, Podman, containerd, CRI-O, Kubernetes: 64 hex digits
  std::string container_name;  ///< LXC, Incus, systemd-nspawn: the path tells the name
  std::string pod_uid;         ///< Kubernetes, with dashes
};

/// Takes cgroup v1, v2 and both side by side; any bytes, bounded by kMaxCgroupBytes.
[[nodiscard]] CgroupIdentity identify_cgroup(std::string_view proc_cgroup);

/// What people call the unit: "nginx.service" -> "nginx", "postgresql@15-main.service" ->
/// "postgresql" (instances of a template are instances of one service), "a\x2db.service" -> "a-b".
[[nodiscard]] std::string service_name_of_unit(std::string_view unit);

/// What to call a cgroup that is neither unit nor container: its directory without what differs
/// from one instance to the next, so that names stay few. "init.scope" -> "init",
/// "user-1000.slice/session-3.scope" -> "session", "batch/0f3a5c1e9b" -> "batch". Never empty.
[[nodiscard]] std::string service_name_of_cgroup(std::string_view path);

/// The path on the line of cgroup2 in /proc/PID/cgroup, "" without one. A view into `proc_cgroup`.
[[nodiscard]] std::string_view unified_path(std::string_view proc_cgroup);

}  // namespace hostlens::discovery
