// SPDX-License-Identifier: Apache-2.0
// Stacks that were named before, found again by what the kernel said of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "model/stack.h"

namespace hostlens::symbols {

/// Frames of languages in a stack, and those with the name of a function. Saturated by a stack's
/// size: some hundred.
struct LanguageFrames {
  uint16_t all = 0;
  uint16_t named = 0;
};

/// A frame with all its callers, named.
struct NamedStack {
  model::Stack stack;
  LanguageFrames python, java, javascript;
  uint16_t javascript_inlined = 0;  ///< of `javascript`
  /// The leaf is a function that V8's interpreter runs: a handler that it called says nothing more.
  bool runs_javascript = false;
  /// CLOCK_MONOTONIC; from then on a name may be another one, or there at last.
  uint64_t expires_ns = UINT64_MAX;
};

/// Samples of one program differ by their leaves, and their callers repeat. So each frame that was
/// named is kept under a hash of all that the kernel said of it and of its callers: a sample looks
/// from its leaf until it meets what is known, mostly one to three look-ups, and only what lies
/// before is named. 64 bits of hash, none of them a stranger's choice that matters: who makes two
/// of his stacks alike fools himself. One thread.
class KnownStacks {
 public:
  /// All are forgotten when there are so many: some 200 bytes each.
  static constexpr size_t kMost = 16'384;

  /// nullptr: not known (any more). Valid until the next put or clear.
  [[nodiscard]] const NamedStack* find(uint64_t key, uint64_t now_ns) const {
    const auto found = known_.find(key);
    return found == known_.end() || found->second.expires_ns <= now_ns ? nullptr : &found->second;
  }
  void put(uint64_t key, NamedStack stack) {
    if (known_.size() >= kMost) known_.clear();
    known_.insert_or_assign(key, std::move(stack));
  }
  void clear() { known_.clear(); }
  [[nodiscard]] size_t size() const { return known_.size(); }

 private:
  struct Same {
    size_t operator()(uint64_t key) const { return key; }
  };
  std::unordered_map<uint64_t, NamedStack, Same> known_;
};

}  // namespace hostlens::symbols
