// SPDX-License-Identifier: Apache-2.0
// The accept queues of all listeners of the host, of every network namespace.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/listener_state.h"

namespace hostlens::probes {

/// Each reading runs the kernel's iterator over listeners once, which also counts what they dropped
/// since the one before (SIGNAL_LISTEN_DROPS). Needs the link's descriptor and no privilege (before
/// Linux 5.19: CAP_BPF). One thread.
class ListenerReader {
 public:
  /// `link`: KernelProbes::listeners_fd().
  explicit ListenerReader(base::UniqueFd link) : link_(std::move(link)) {}

  /// Without services. A host with more than 65,536 of them: the first so many.
  [[nodiscard]] base::Result<std::vector<model::ListenerState>> read() const;

 private:
  base::UniqueFd link_;
};

}  // namespace hostlens::probes
