// SPDX-License-Identifier: Apache-2.0
#include "symbols/debuginfod/outcome.h"

#include <utility>

namespace hostlens::symbols {

void count_refused(const DownloadCounts& counts, Refusals& refusals) {
  using Reason = Refusals::Reason;
  for (const auto& [outcome, reason] : {std::pair(Download::kNoSymbols, Reason::kNoSymbols),
                                        std::pair(Download::kMismatch, Reason::kMismatch),
                                        std::pair(Download::kBroken, Reason::kBroken),
                                        std::pair(Download::kTooLarge, Reason::kTooLarge)}) {
    refusals.count(reason, counts[static_cast<size_t>(outcome)]);
  }
}

}  // namespace hostlens::symbols
