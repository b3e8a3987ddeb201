// SPDX-License-Identifier: Apache-2.0
// Objects of V8 as they lie in the memory of a process, which changes them meanwhile: what is read
// may be half of one and half of another. Pointers are tagged, as V8 has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/process_memory.h"
#include "symbols/v8/v8_layout.h"

namespace hostlens::symbols {

/// Instance types by map, of all processes: a map of what is read here lives as long as its
/// process.
class V8MapTypes {
 public:
  [[nodiscard]] std::optional<uint16_t> find(const model::ProcessKey& process, uint64_t map) const;
  void add(const model::ProcessKey& process, uint64_t map, uint16_t type);

 private:
  /// All are forgotten when there are so many.
  static constexpr size_t kMost = 16'384;
  struct Key {
    model::ProcessKey process;
    uint64_t map = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  std::unordered_map<Key, uint16_t, KeyHash> types_;
};

struct V8Object {
  uint64_t pointer = 0;
  uint16_t type = 0;
  std::vector<std::byte> bytes;  ///< from its beginning; of what follows it, too

  [[nodiscard]] std::optional<uint64_t> word(size_t offset) const;
  [[nodiscard]] std::optional<int32_t> half(size_t offset) const;
};

[[nodiscard]] constexpr bool is_v8_object(uint64_t word) {
  return (word & V8_TAG_MASK) == V8_HEAP_OBJECT_TAG;
}
/// nullopt: it is no Smi.
[[nodiscard]] constexpr std::optional<int32_t> v8_smi(uint64_t word) {
  if ((word & 1U) != 0) return std::nullopt;
  return static_cast<int32_t>(word >> 32U);
}

/// Characters that lie behind each other.
struct V8Flat {
  uint64_t address = 0;
  uint32_t width = 0;   ///< bytes of each: 1 (ISO 8859-1) or 2 (UTF-16)
  uint32_t length = 0;  ///< how many
};

/// Of one process, for a few objects: after `kMostReads` reads nothing more is to be had.
class V8Heap {
 public:
  static constexpr uint32_t kMostReads = 64;

  /// All must outlive it.
  V8Heap(kernel::ProcessMemory& memory, const model::ProcessKey& process, const V8Layout& layout,
         V8MapTypes& types)
      : memory_(memory), process_(process), layout_(layout), types_(types) {}

  [[nodiscard]] const V8Layout& layout() const { return layout_; }
  /// As many bytes as there are, at most so many.
  [[nodiscard]] std::optional<std::vector<std::byte>> read(uint64_t address, uint32_t bytes);
  [[nodiscard]] std::optional<V8Object> object(uint64_t pointer, uint32_t bytes);

  [[nodiscard]] bool is_string(uint16_t type) const { return (type & layout_.string_not) == 0; }
  /// In UTF-8, at most `most` UTF-16 units of it; what is no character becomes U+FFFD. nullopt: no
  /// string, or its characters are not in the heap (external strings), or not to be had.
  [[nodiscard]] std::optional<std::string> string(uint64_t pointer, uint32_t most);
  /// Of a string that is in one piece.
  [[nodiscard]] std::optional<V8Flat> flat(uint64_t pointer);

 private:
  struct Piece {
    uint64_t pointer = 0;
    uint32_t from = 0;
    uint32_t count = 0;
  };
  [[nodiscard]] bool add_piece(const Piece& piece, std::vector<Piece>& rest,
                               std::vector<uint16_t>& units);
  [[nodiscard]] bool add_units(const V8Object& string, const Piece& piece, uint32_t width,
                               std::vector<uint16_t>& units);
  [[nodiscard]] std::optional<uint32_t> width_of(uint16_t type) const;

  kernel::ProcessMemory& memory_;
  const model::ProcessKey process_;
  const V8Layout& layout_;
  V8MapTypes& types_;
  uint32_t reads_ = 0;
};

}  // namespace hostlens::symbols
