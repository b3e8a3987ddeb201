// SPDX-License-Identifier: Apache-2.0
// Names of JavaScript functions: each is read from its process's memory once, and kept.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "decoders/profile_decoder.h"
#include "kernel/process_memory.h"
#include "model/stack.h"
#include "symbols/names/function_pool.h"
#include "symbols/v8/v8_function.h"
#include "symbols/v8/v8_scripts.h"

namespace hostlens::symbols {

struct V8NamesLimits {
  size_t functions = 65'536;          ///< of all processes; the least recently used go
  uint32_t name_characters = 512;     ///< the rest of a name is cut off
  uint64_t retry_ns = 1'000'000'000;  ///< until what could not be read is tried again
};

struct V8NamesFigures {
  uint64_t read = 0;    ///< functions
  uint64_t gone = 0;    ///< not read: their process has ended, or the memory was not to be had
  uint64_t other = 0;   ///< at the address is another object by now, or there never was a function
  uint64_t broken = 0;  ///< what is there makes no sense
  uint64_t evicted = 0;
};

struct V8Name {
  /// Null: not to be had. Else its file may be empty, and its name is "(anonymous)" where V8 has
  /// none.
  std::shared_ptr<const model::Function> function;
  uint32_t line = 0;     ///< where the function begins; 0: not known
  bool builtin = false;  ///< of V8 itself
};

/// A function costs some six requests to the supervisor, 150 us, and then a look into a table. One
/// thread.
class V8Names {
 public:
  /// `memory` must outlive it.
  explicit V8Names(kernel::ProcessMemory& memory, const V8NamesLimits& limits = {})
      : memory_(memory), limits_(limits) {}

  /// `frame` is a function's; valid until the next call.
  [[nodiscard]] const V8Name& name(const model::ProcessKey& process, const V8Layout& layout,
                                   const decoders::V8Frame& frame, uint64_t now_ns);

  [[nodiscard]] const V8NamesFigures& figures() const { return figures_; }

 private:
  struct Key {
    model::ProcessKey process;
    uint64_t shared = 0;
    uint64_t name = 0;  ///< name_or_scope_info
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Known {
    Key key;
    V8Name name;
    uint64_t since_ns = 0;
  };

  [[nodiscard]] V8Name read(V8Heap& heap, const Key& key);

  kernel::ProcessMemory& memory_;
  const V8NamesLimits limits_;
  std::list<Known> known_;  ///< most recently used first
  std::unordered_map<Key, std::list<Known>::iterator, KeyHash> by_key_;
  V8MapTypes types_;
  V8Scripts scripts_;
  FunctionPool functions_;
  V8NamesFigures figures_;
};

}  // namespace hostlens::symbols
