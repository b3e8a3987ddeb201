// SPDX-License-Identifier: Apache-2.0
// Function, file and line in Go programs, and how far the stack pointer is below the caller's, from
// the table that the runtime itself uses (.gopclntab) and that `strip` and `-ldflags=-s` leave.
// Layouts: runtime/symtab.go, runtime/runtime2.go (_func) and debug/gosym of Go 1.16 (its magic
// serves 1.17), 1.18 (1.19) and 1.20 to at least 1.26.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "base/result.h"

namespace hostlens::symbols {

/// Views into the table. Code that was inlined counts as its outer function; file and line are
/// those of the innermost one.
struct GoPlace {
  std::string_view function;  ///< "net/http.(*conn).serve"
  std::string_view file;      ///< empty: not known
  uint32_t line = 0;          ///< 0: not known
  uint64_t start = 0;         ///< of the function, in the file's own addresses
  uint32_t index = 0;         ///< of the function in the table
};

/// What holds in [begin, end), in the file's own addresses.
struct GoStackDepth {
  uint64_t begin = 0;
  uint64_t end = 0;
  int32_t bytes = 0;  ///< from the stack pointer up to the return address
};

/// Keeps the section's bytes and reads them where they lie: nothing is built. Immutable, any
/// thread.
class GoLineTable {
 public:
  static constexpr uint32_t kMaxNameBytes = 4096;

  /// `text` is the address of runtime.text, for tables that do not tell (0 in their header since
  /// Go 1.26, or to be relocated). kUnsupported: another version; kInvalid: broken.
  static base::Result<GoLineTable> parse(std::vector<std::byte> table, uint64_t text);

  /// Two binary searches and two walks over a function's line program, some microseconds.
  [[nodiscard]] std::optional<GoPlace> find(uint64_t address) const;

  /// Of a function, ascending. Returns the steps it took: functions may share what they walk over,
  /// so a hostile table has more of them than bytes.
  using OnDepth = std::function<void(const GoStackDepth&)>;
  uint32_t stack_depths(uint32_t index, const OnDepth& on_depth) const;
  /// The beginning of a function's name, of at most so many bytes; empty: there is none.
  [[nodiscard]] std::string_view name_of(uint32_t index, uint32_t most_bytes = kMaxNameBytes) const;
  /// Where a function begins; nullopt: there is none of that number.
  [[nodiscard]] std::optional<uint64_t> start_of(uint32_t index) const;

  [[nodiscard]] uint32_t functions() const { return functions_; }
  [[nodiscard]] uint64_t bytes() const { return table_.capacity(); }

 private:
  enum class Layout : uint8_t { kGo116, kGo118 };

  /// One row of the table of functions.
  struct Row {
    uint64_t start = 0;     ///< address
    uint64_t function = 0;  ///< where its record is, from the beginning of functions_at_
  };

  GoLineTable() = default;
  [[nodiscard]] bool read_header(uint64_t text);
  [[nodiscard]] std::optional<uint64_t> word(uint64_t at) const;
  [[nodiscard]] std::optional<uint32_t> half(uint64_t at) const;
  [[nodiscard]] std::string_view text_at(uint64_t at, uint32_t most_bytes = kMaxNameBytes) const;
  [[nodiscard]] std::optional<Row> row(uint32_t index) const;
  /// Calls `on_step` with a value and the range that it holds in, until it returns false. The
  /// number of calls.
  template <typename OnStep>
  uint32_t walk(uint64_t program, uint64_t start, const OnStep& on_step) const;
  [[nodiscard]] std::optional<int32_t> value_at(uint64_t program, uint64_t start,
                                                uint64_t address) const;
  /// Where the name's offset is in a function's record: from there on all versions are alike.
  [[nodiscard]] std::optional<uint64_t> record_of(const Row& row) const;
  void add_line(GoPlace& place, uint64_t record, uint64_t address) const;

  std::vector<std::byte> table_;
  Layout layout_ = Layout::kGo118;
  uint8_t quantum_ = 1;
  uint32_t functions_ = 0;
  uint64_t text_ = 0;
  uint64_t names_at_ = 0;
  uint64_t units_at_ = 0;
  uint64_t files_at_ = 0;
  uint64_t programs_at_ = 0;
  uint64_t functions_at_ = 0;
};

}  // namespace hostlens::symbols
