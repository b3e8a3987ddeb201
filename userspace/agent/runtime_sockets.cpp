// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime_sockets.h"

#include "agent/configuration.h"

namespace hostlens::agent {

std::vector<RuntimeSocket> runtime_sockets(const Configuration& configuration) {
  std::vector<RuntimeSocket> sockets;
  for (const std::string& path : configuration.container_sockets) {
    sockets.push_back({path, RuntimeApi::kDocker});
  }
  for (const std::string& path : configuration.cri_sockets) {
    sockets.push_back({path, RuntimeApi::kCri});
  }
  return sockets;
}

}  // namespace hostlens::agent
