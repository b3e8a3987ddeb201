// SPDX-License-Identifier: Apache-2.0
// The container runtimes that are asked, in the order by which supervisor and worker number them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hostlens::agent {

struct Configuration;

enum class RuntimeApi : uint8_t {
  kDocker,  ///< Docker's Engine API, Podman's compatible one
  kCri,     ///< Kubernetes' runtime.v1: containerd, CRI-O
};

struct RuntimeSocket {
  std::string path;
  RuntimeApi api = RuntimeApi::kDocker;
  bool operator==(const RuntimeSocket&) const = default;
};

[[nodiscard]] std::vector<RuntimeSocket> runtime_sockets(const Configuration& configuration);

}  // namespace hostlens::agent
