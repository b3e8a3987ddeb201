// SPDX-License-Identifier: Apache-2.0
// Files of JavaScript functions, and the lines of their sources.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "symbols/v8/v8_heap.h"

namespace hostlens::symbols {

struct V8Script {
  std::string file;  ///< a path, or "node:fs"; empty: it has none (eval, new Function)
  std::vector<uint32_t> line_starts;  ///< of its source; empty: not to be had
  uint64_t name = 0;                  ///< of the object, which tells another one in its place
  uint64_t source = 0;

  /// From 1; 0: not known.
  [[nodiscard]] uint32_t line(int32_t position) const;
};

/// A script costs some three reads, and one per 32 KiB of its source. One thread.
class V8Scripts {
 public:
  static constexpr size_t kMostScripts = 2048;   ///< all are forgotten when there are so many
  static constexpr size_t kMostLines = 1 << 20;  ///< or so many lines of all
  static constexpr uint32_t kMostSourceBytes = 512 << 10;  ///< of a script; the rest has no lines
  static constexpr uint32_t kFileCharacters = 1024;

  /// nullptr: that is no script.
  [[nodiscard]] std::shared_ptr<const V8Script> read(V8Heap& heap, const model::ProcessKey& process,
                                                     uint64_t pointer);

 private:
  struct Key {
    model::ProcessKey process;
    uint64_t pointer = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  std::unordered_map<Key, std::shared_ptr<const V8Script>, KeyHash> scripts_;
  size_t lines_ = 0;
};

/// "/srv/app.mjs" of "file:///srv/app.mjs", with %XX decoded; anything else as it is.
[[nodiscard]] std::string v8_file_of(std::string name);

}  // namespace hostlens::symbols
