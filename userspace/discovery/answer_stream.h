// SPDX-License-Identifier: Apache-2.0
// The answer of a container runtime, as the supervisor relays it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::discovery {

inline constexpr size_t kMaxContainerListBytes = 16U << 20U;

/// Reads a connected stream and never writes to it. One thread.
class AnswerStream {
 public:
  AnswerStream(base::UniqueFd stream, uint64_t patience_ns);

  /// What came next, until the next call; empty: the other side is done. kBusy: the time is over;
  /// kInvalid: more than kMaxContainerListBytes.
  [[nodiscard]] base::Result<std::string_view> next();

 private:
  base::UniqueFd stream_;
  uint64_t deadline_ns_;
  size_t taken_ = 0;
  std::array<char, 16384> block_{};
};

}  // namespace hostlens::discovery
