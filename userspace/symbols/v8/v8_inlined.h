// SPDX-License-Identifier: Apache-2.0
// Which functions V8 had inlined where a frame is: of each piece of compiled code, what it says is
// read from its process's memory once, and kept.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "decoders/profile_decoder.h"
#include "kernel/process_memory.h"
#include "symbols/v8/v8_code.h"

namespace hostlens::symbols {

struct V8InlinedLimits {
  size_t codes = 16'384;              ///< of all processes; the least recently used go
  uint64_t bytes = 16U << 20;         ///< of all of them
  uint64_t retry_ns = 1'000'000'000;  ///< until what could not be read is tried again
  uint64_t check_ns = 5'000'000'000;  ///< until it is looked whether the same code is still there
};

struct V8InlinedFigures {
  uint64_t read = 0;    ///< optimised code
  uint64_t plain = 0;   ///< baseline code, in which nothing is inlined
  uint64_t gone = 0;    ///< not read: no code is there, or the memory was not to be had
  uint64_t other = 0;   ///< of another function than its frame is, mostly one that has no frame yet
  uint64_t broken = 0;  ///< what is there makes no sense
  uint64_t changed = 0;  ///< read again: other code was in its place
  uint64_t evicted = 0;
  uint64_t untold =
      0;  ///< frames of code of which nothing is known: what was inlined is its caller's
};

/// Optimised code costs some 20 requests to the supervisor, 500 us, and two more now and then; its
/// inlined functions one each; then a look into a table. One thread.
class V8Inlined {
 public:
  /// `memory` must outlive it.
  explicit V8Inlined(kernel::ProcessMemory& memory, const V8InlinedLimits& limits = {})
      : memory_(memory), limits_(limits) {}

  /// The functions that were inlined at `address`, an instruction of the frame's function,
  /// innermost first: what they are named by. Empty: none, or it is not to be had. Valid until the
  /// next call.
  [[nodiscard]] const std::vector<decoders::V8Frame>& at(const model::ProcessKey& process,
                                                         const V8Layout& layout,
                                                         const decoders::V8Frame& frame,
                                                         uint64_t address, uint64_t now_ns);

  [[nodiscard]] const V8InlinedFigures& figures() const { return figures_; }

 private:
  struct Key {
    model::ProcessKey process;
    uint64_t begin = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Known {
    Key key;
    uint64_t end = 0;  ///< behind its instructions
    V8Code code;
    std::vector<uint64_t> names;  ///< name_or_scope_info of its functions; 0: not read yet
    uint64_t bytes = 0;
    uint64_t checked_ns = 0;  ///< or read
    bool is_code = false;     ///< else nothing was found there
  };
  using Entries = std::list<Known>;

  [[nodiscard]] Known& code(V8Heap& heap, const model::ProcessKey& process, uint64_t shared,
                            uint64_t address, uint64_t now_ns);
  [[nodiscard]] bool is_current(V8Heap& heap, Known& known, uint64_t shared, uint64_t now_ns);
  [[nodiscard]] Known read(V8Heap& heap, const model::ProcessKey& process, uint64_t address,
                           uint64_t now_ns);
  Known& keep(Known known);
  void forget(std::map<Key, Entries::iterator>::iterator entry);

  kernel::ProcessMemory& memory_;
  const V8InlinedLimits limits_;
  Entries known_;  ///< most recently used first; they do not overlap
  std::map<Key, Entries::iterator> by_begin_;
  uint64_t bytes_ = 0;
  V8MapTypes types_;
  std::vector<decoders::V8Frame> frames_;
  V8InlinedFigures figures_;
};

}  // namespace hostlens::symbols
