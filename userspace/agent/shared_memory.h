// SPDX-License-Identifier: Apache-2.0
// Memory that supervisor and worker share by descriptor: the ledger, and texts that are too long
// for a message.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/ledger.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

/// A mapped base::LedgerPage. The supervisor creates it once; it outlives every worker. Its size is
/// sealed, so no holder of the descriptor can make another's access fault.
class LedgerMemory {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<LedgerMemory>> create();
  /// kInvalid when the size, the seals or the version are not those of `create`.
  [[nodiscard]] static base::Result<std::unique_ptr<LedgerMemory>> open(base::UniqueFd fd);
  ~LedgerMemory();
  LedgerMemory(const LedgerMemory&) = delete;
  LedgerMemory& operator=(const LedgerMemory&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] base::LedgerPage& page() const { return *page_; }
  [[nodiscard]] base::Ledger ledger() const { return base::Ledger(*page_); }

 private:
  LedgerMemory(base::UniqueFd fd, base::LedgerPage* page) : fd_(std::move(fd)), page_(page) {}
  [[nodiscard]] static base::Result<void*> map(int fd);

  base::UniqueFd fd_;
  base::LedgerPage* page_;
};

inline constexpr size_t kSharedTextBytes = 4U << 20;

/// The text in memory that nobody can change any more.
[[nodiscard]] base::Result<base::UniqueFd> share_text(std::string_view text);
/// kInvalid when it is not sealed against writing or longer than kSharedTextBytes.
[[nodiscard]] base::Result<std::string> read_shared_text(const base::UniqueFd& fd);

}  // namespace hostlens::agent
