// SPDX-License-Identifier: Apache-2.0
// Names of Python frames: code objects are read from their process's memory once, and kept.
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
#include "symbols/names/function_pool.h"
#include "symbols/python/code_object.h"

namespace hostlens::symbols {

struct PythonNamesLimits {
  size_t codes = 65'536;           ///< code objects of all processes; the least recently used go
  uint64_t bytes = 32U << 20;      ///< of their line tables and entries
  uint32_t name_characters = 512;  ///< the rest of a qualified name is cut off
  uint32_t file_characters = 1024;
  uint32_t lines_bytes = 32 << 10;    ///< of a line table; one that is larger gives no lines
  uint64_t retry_ns = 1'000'000'000;  ///< until what could not be read is tried again
};

struct PythonNamesFigures {
  uint64_t read = 0;    ///< code objects
  uint64_t gone = 0;    ///< not read: their process has ended, or the memory was not to be had
  uint64_t other = 0;   ///< at the address is another object by now
  uint64_t broken = 0;  ///< what is there makes no sense
  uint64_t evicted = 0;
};

/// A code object costs four requests to the supervisor, some 100 us, and then a look into a table.
/// One thread.
class PythonNames {
 public:
  /// `memory` must outlive it.
  explicit PythonNames(kernel::ProcessMemory& memory, const PythonNamesLimits& limits = {})
      : memory_(memory), limits_(limits) {}

  /// Without a function where it could not be read: `address` is the code object's then.
  [[nodiscard]] model::Frame name(const model::ProcessKey& process, python_version version,
                                  const decoders::PythonFrame& frame, uint64_t now_ns);

  [[nodiscard]] const PythonNamesFigures& figures() const { return figures_; }

 private:
  using Bytes = std::vector<std::byte>;
  struct Key {
    model::ProcessKey process;
    uint64_t code = 0;
    uint32_t check = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Code {
    Key key;
    std::shared_ptr<const model::Function> function;  ///< null: not to be had
    uint32_t first_line = 0;
    Bytes lines;
    uint64_t since_ns = 0;
  };

  [[nodiscard]] const Code& code(const Key& key, python_version version, uint64_t now_ns);
  void read(Code& code, python_version version);
  [[nodiscard]] std::optional<std::string> read_str(const Key& key, python_version version,
                                                    uint64_t address, uint32_t most);
  [[nodiscard]] Bytes read_lines(const Key& key, uint64_t address);
  [[nodiscard]] std::optional<Bytes> read_memory(const Key& key, uint64_t address, uint64_t bytes);
  void forget_oldest();
  [[nodiscard]] static uint64_t bytes_of(const Code& code) {
    return code.lines.size() + sizeof(Code) + 64;
  }

  kernel::ProcessMemory& memory_;
  const PythonNamesLimits limits_;
  std::list<Code> codes_;  ///< most recently used first
  std::unordered_map<Key, std::list<Code>::iterator, KeyHash> by_key_;
  uint64_t bytes_ = 0;
  FunctionPool functions_;
  PythonNamesFigures figures_;
};

}  // namespace hostlens::symbols
