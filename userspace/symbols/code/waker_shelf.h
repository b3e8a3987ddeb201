// SPDX-License-Identifier: Apache-2.0
// Stacks of threads that woke others, until the sample of the sleep comes that they ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "decoders/profile_decoder.h"

namespace hostlens::symbols {

/// A raw stack that owns its bytes.
struct RawStack {
  decoders::ProfileRaw fields;  ///< its stack is in `stack`
  std::vector<std::byte> stack;
};

/// A sample says that a waker came before it, and the kernel sends the waker before the sleeper can
/// run: so the last one for its thread is the one. A sleep that gets no sample leaves its waker
/// here, until the next one of that thread comes or there are too many. One thread.
class WakerShelf {
 public:
  /// Threads on their way from the wake-up to a CPU; some 8 MiB with the deepest stacks. The oldest
  /// has to go, whose sample then has no waker.
  static constexpr size_t kMost = 1024;

  struct Waker {
    std::shared_ptr<decoders::ProfileWaker> stack;  ///< null: there is none
    /// What it may be unwound from when its tables are there; null: it is as good as it gets.
    std::unique_ptr<RawStack> raw;
  };

  /// In the order of the ring, as take(). How many bytes of raw stacks were forgotten for it.
  [[nodiscard]] size_t put(Waker waker);
  [[nodiscard]] Waker take(uint32_t sleeper);
  [[nodiscard]] size_t size() const { return wakers_.size(); }

 private:
  std::deque<Waker> wakers_;  ///< the oldest first, one of each sleeper
};

}  // namespace hostlens::symbols
