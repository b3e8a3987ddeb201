// SPDX-License-Identifier: Apache-2.0
// The scrapers' ProcessFacts in the worker, which may not look itself.
#pragma once

#include <cstdint>

#include "kernel/host_access.h"
#include "scrapers/process_facts.h"

namespace hostlens::agent {

/// Asks the supervisor: one request for each process, two before Linux 6.2. Without an answer it
/// asks no more for 5 s: each process would wait in vain for two. `host` must outlive it and take
/// calls from the scraping thread.
class RemoteProcessFacts final : public scrapers::ProcessFacts {
 public:
  explicit RemoteProcessFacts(kernel::HostAccess& host) : host_(host) {}
  [[nodiscard]] scrapers::GuardedFacts read(model::ProcessKey key,
                                            bool count_files) noexcept override;

 private:
  [[nodiscard]] base::Result<base::UniqueFd> open(model::ProcessKey key, kernel::ProcessFile what);

  kernel::HostAccess& host_;
  uint64_t silent_until_ns_ = 0;
};

}  // namespace hostlens::agent
