// SPDX-License-Identifier: Apache-2.0
// What a compiled method says of itself: which methods were inlined where.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/byte_reader.h"
#include "symbols/hotspot/process_words.h"
#include "symbols/hotspot/vm_structs.h"

namespace hostlens::symbols {

struct CompiledCodeLimits {
  uint64_t places_bytes = 256 << 10;  ///< of its PcDescs
  uint64_t scopes_bytes = 512 << 10;
  uint64_t methods_bytes = 32 << 10;  ///< of its metadata
};

/// A method at some place in compiled code.
struct CodeScope {
  uint32_t method = 0;   ///< index into CompiledCode::methods
  int32_t bytecode = 0;  ///< -1: at its beginning, or not known
  bool operator==(const CodeScope&) const = default;
};

/// share/code/{nmethod,pcDesc,scopeDesc,debugInfoRec}.hpp
struct CompiledCode {
  struct Place {
    int32_t offset = 0;  ///< of the code, in bytes
    int32_t scope = 0;   ///< where in `scopes` it is described; 0: nowhere
    bool operator==(const Place&) const = default;
  };

  uint64_t method = 0;  ///< the one that was compiled
  uint32_t begin = 0;   ///< of the code, from the beginning of the nmethod on
  int32_t major = 0;
  std::vector<Place> places;  ///< ascending; empty: nothing is known but the method
  std::vector<std::byte> scopes;
  std::vector<uint64_t> methods;  ///< Method or another kind of metadata

  /// The methods at `place` (bytes from the nmethod's beginning), leaf first; empty: only `method`
  /// is known. A return address is described exactly. What was interrupted is told by the next
  /// description behind it, as the JVM's own profilers do: a loop by its poll, what comes before a
  /// call by the call. Code of a caller just before that of an inlined method is so the latter's.
  [[nodiscard]] std::vector<CodeScope> scopes_at(uint32_t place) const;
  [[nodiscard]] uint64_t bytes() const {
    return sizeof(*this) + places.size() * sizeof(Place) + scopes.size() + methods.size() * 8;
  }

 private:
  [[nodiscard]] std::vector<CodeScope> chain(int32_t scope) const;
};

/// Of the nmethod at an address. nullopt: not to be had, or another one than `compile_id` is of.
[[nodiscard]] std::optional<CompiledCode> read_compiled_code(const HotspotLayout& layout,
                                                             uint64_t nmethod, uint32_t compile_id,
                                                             ProcessWords& words,
                                                             const CompiledCodeLimits& limits = {});

}  // namespace hostlens::symbols
