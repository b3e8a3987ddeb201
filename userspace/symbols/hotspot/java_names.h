// SPDX-License-Identifier: Apache-2.0
// Names of Java frames: methods and what was compiled are read from their process's memory once,
// and kept.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "decoders/profile_decoder.h"
#include "kernel/process_memory.h"
#include "model/stack.h"
#include "symbols/hotspot/compiled_code.h"
#include "symbols/hotspot/java_method.h"
#include "symbols/hotspot/vm_structs.h"
#include "symbols/names/function_pool.h"

namespace hostlens::symbols {

struct JavaNamesLimits {
  size_t entries = 65'536;     ///< of each kind, of all processes; the least recently used go
  uint64_t bytes = 48U << 20;  ///< of all of them
  uint64_t retry_ns = 1'000'000'000;  ///< until what could not be read is tried again
  JavaMethodLimits method;
  CompiledCodeLimits code;
};

struct JavaNamesFigures {
  uint64_t methods = 0;  ///< read
  uint64_t codes = 0;    ///< compiled methods read
  uint64_t gone = 0;     ///< not read: gone, or another one is there by now
  uint64_t evicted = 0;
};

/// A method costs some eight requests to the supervisor, 200 us; what was compiled four more; then
/// a look into a table. One thread.
class JavaNames {
 public:
  /// `memory` must outlive it.
  explicit JavaNames(kernel::ProcessMemory& memory, const JavaNamesLimits& limits = {})
      : memory_(memory), limits_(limits) {}

  /// Appends a frame, or several where methods were inlined: leaf first. False: it has no name, and
  /// nothing was appended.
  [[nodiscard]] bool append(const model::ProcessKey& process, const HotspotLayout& layout,
                            const decoders::ProfileFrame& frame, uint64_t now_ns,
                            std::vector<model::Frame>& frames);

  [[nodiscard]] const JavaNamesFigures& figures() const { return figures_; }

 private:
  struct Key {
    model::ProcessKey process;
    uint64_t address = 0;
    uint32_t check = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Named {
    std::shared_ptr<const model::Function> function;  ///< null: not to be had
    JavaMethod method;                                ///< for its lines
  };
  struct Compiled {
    std::optional<CompiledCode> code;         ///< nullopt: not to be had
    std::vector<std::optional<Key>> methods;  ///< of code->methods, as far as they were asked for
    std::optional<Key> outer;
  };
  /// The least recently used go first.
  template <typename Value>
  struct Table {
    struct Entry {
      Key key;
      Value value;
      uint64_t bytes = 0;
      uint64_t since_ns = 0;
    };
    std::list<Entry> entries;  ///< most recently used first
    std::unordered_map<Key, typename std::list<Entry>::iterator, KeyHash> by_key;
    uint64_t bytes = 0;
  };

  template <typename Value, typename Read>
  [[nodiscard]] Value& find(Table<Value>& table, const Key& key, uint64_t now_ns, Read read);
  [[nodiscard]] Named& method(const Key& key, const HotspotLayout& layout, uint64_t now_ns);
  [[nodiscard]] Compiled& compiled(const Key& key, const HotspotLayout& layout, uint64_t now_ns);
  [[nodiscard]] std::shared_ptr<const model::Function> stub(const Key& key,
                                                            const HotspotLayout& layout,
                                                            uint64_t now_ns);
  [[nodiscard]] std::optional<Key> key_of(const model::ProcessKey& process,
                                          const HotspotLayout& layout, uint64_t method);
  [[nodiscard]] bool append_method(const Key& key, const HotspotLayout& layout, int32_t bytecode,
                                   uint64_t now_ns, std::vector<model::Frame>& frames);
  [[nodiscard]] bool append_compiled(const Key& key, const HotspotLayout& layout,
                                     const decoders::ProfileFrame& frame, uint64_t now_ns,
                                     std::vector<model::Frame>& frames);

  kernel::ProcessMemory& memory_;
  const JavaNamesLimits limits_;
  Table<Named> methods_;
  Table<Compiled> codes_;
  Table<std::shared_ptr<const model::Function>> stubs_;
  FunctionPool functions_;
  JavaNamesFigures figures_;
};

}  // namespace hostlens::symbols
