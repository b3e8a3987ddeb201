// SPDX-License-Identifier: Apache-2.0
// The scrapers' ProcessFacts in the worker, which may not look itself.
#pragma once

#include "kernel/host_access.h"
#include "scrapers/process_facts.h"

namespace hostlens::agent {

/// Asks the supervisor: one request for each process, two before Linux 6.2. `host` must outlive it
/// and take calls from the scraping thread.
class RemoteProcessFacts final : public scrapers::ProcessFacts {
 public:
  explicit RemoteProcessFacts(kernel::HostAccess& host) : host_(host) {}
  [[nodiscard]] scrapers::GuardedFacts read(model::ProcessKey key,
                                            bool count_files) noexcept override;

 private:
  kernel::HostAccess& host_;
};

}  // namespace hostlens::agent
