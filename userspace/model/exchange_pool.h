// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "model/exchange.h"

namespace hostlens::model {

class ExchangePool;

/// Gives an exchange back to its pool; without a pool it is deleted.
struct ExchangeReturn {
  ExchangePool* pool = nullptr;
  void operator()(Exchange* exchange) const noexcept;
};
/// How an exchange travels: it is larger than half a kilobyte, so it stays where it was made.
using ExchangePtr = std::unique_ptr<Exchange, ExchangeReturn>;

/// Exchanges that are used again with the memory of their texts, so that the steady state allocates
/// nothing. Must outlive what it gave out. One thread.
class ExchangePool {
 public:
  /// As good as new.
  [[nodiscard]] ExchangePtr take();
  [[nodiscard]] size_t idle() const { return idle_.size(); }

 private:
  friend struct ExchangeReturn;
  static constexpr size_t kMostIdle = 4096;  ///< more are deleted: about 3 MiB

  void give_back(Exchange* exchange) noexcept;

  std::vector<std::unique_ptr<Exchange>> idle_;
};

}  // namespace hostlens::model
