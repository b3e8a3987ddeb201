// SPDX-License-Identifier: Apache-2.0
// Makes the thread that ended a sleep part of the sleep's stack: see model/waker.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/stack.h"
#include "records/profile.h"

namespace hostlens::agent {

/// Of sleeps with a stack of their own.
struct WakerFigures {
  uint64_t threads = 0;     ///< ended by a thread that is told
  uint64_t interrupts = 0;  ///< ended by an interrupt
  uint64_t unknown = 0;     ///< under way before, over the budget, or nobody saw it
};

/// One thread.
class WakerFrames {
 public:
  /// `sleep` has its cause; `waker` is named like any sample. Whether it was the thread's doing
  /// when it was in a soft interrupt its stack tells.
  void add_thread(model::Sample& sleep, model::Sample&& waker, profile_waker how);
  void add_interrupt(model::Sample& sleep);
  void add_unknown() { ++figures_.unknown; }
  [[nodiscard]] const WakerFigures& figures() const { return figures_; }

 private:
  /// Marks that are kept to be shared; names of threads are strangers'.
  static constexpr size_t kMostMarks = 4096;

  [[nodiscard]] const model::Frame& mark(std::string_view text);
  void begin(model::Sample& sleep);
  void end(model::Sample& sleep, std::string_view name);

  std::unordered_map<std::string, model::Frame> marks_;
  WakerFigures figures_;
};

}  // namespace hostlens::agent
