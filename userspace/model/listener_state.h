// SPDX-License-Identifier: Apache-2.0
// The accept queue of a listening TCP socket, at one moment.
#pragma once

#include <cstdint>
#include <memory>

#include "model/service.h"

namespace hostlens::model {

struct ListenerState {
  uint64_t owner = 0;                      ///< as the kernel's programs name it: signal_key.owner
  std::shared_ptr<const Service> service;  ///< null until somebody looked the owner up
  uint32_t network_namespace = 0;          ///< inode number
  uint16_t port = 0;
  uint32_t backlog = 0;  ///< connections that wait for accept(2)
  uint32_t max = 0;      ///< more than so many, and further ones are dropped
  uint32_t drops = 0;    ///< SYNs and last ACKs dropped since it listens; wraps around
};

}  // namespace hostlens::model
