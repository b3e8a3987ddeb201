// SPDX-License-Identifier: Apache-2.0
// What of a process only its owner and the privileged may read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/process_key.h"
#include "scrapers/process_files.h"

namespace hostlens::scrapers {

struct GuardedFacts {
  std::optional<uint64_t> open_files;
  std::optional<ProcessIo> io;
};

/// Implemented by LocalProcessFacts and, in an unprivileged worker, by whoever asks the supervisor.
/// Called for each target once per scrape, on the scraping thread.
class ProcessFacts {
 public:
  virtual ~ProcessFacts() = default;
  /// `count_files`: the kernel (before 6.2) did not tell the number of descriptors to everybody.
  /// What is refused is absent.
  [[nodiscard]] virtual GuardedFacts read(model::ProcessKey key, bool count_files) noexcept = 0;
};

/// Reads /proc with the caller's own rights.
class LocalProcessFacts final : public ProcessFacts {
 public:
  explicit LocalProcessFacts(std::string proc_root) : proc_root_(std::move(proc_root)) {}
  [[nodiscard]] GuardedFacts read(model::ProcessKey key, bool count_files) noexcept override;

 private:
  std::string proc_root_;
};

}  // namespace hostlens::scrapers
