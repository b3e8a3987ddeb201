// SPDX-License-Identifier: Apache-2.0
// Executables whose unwind tables are still to be made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "kernel/code_files.h"
#include "probes/unwind_tables.h"
#include "symbols/code/code_file_table.h"
#include "symbols/unwind/unwind_table.h"

namespace hostlens::symbols {

struct TableQueueFigures {
  uint64_t built = 0;
  uint64_t failed = 0;  ///< files without rows that could be used
};

/// A table takes 1 to 300 ms, so it is made when there is time for it. Times are CLOCK_MONOTONIC.
/// One thread.
class TableQueue {
 public:
  /// All must outlive it.
  TableQueue(probes::UnwindTables& tables, const CodeFileTable& executables,
             kernel::CodeFiles& files)
      : tables_(tables), executables_(executables), files_(files) {}

  /// A number is another file's by now: what was found out about its last one is void.
  void put_new(uint32_t number);
  /// It was sampled, and had no table: before all others. Not for one whose file has no rows.
  void put_first(uint32_t number);
  /// Makes one. False: none waits, or there is no room at the moment.
  bool build_next(uint64_t now_ns);

  [[nodiscard]] size_t size() const { return waiting_.size(); }
  [[nodiscard]] const TableQueueFigures& figures() const { return figures_; }

 private:
  /// What waits for room is not built twice.
  struct Built {
    std::shared_ptr<const ElfView> elf;
    std::vector<probes::CodePage> pages;
    std::vector<unwind_row> rows;
  };

  [[nodiscard]] base::Result<UnwindTable> table_of(const CodeFileTable::Known& known);

  probes::UnwindTables& tables_;
  const CodeFileTable& executables_;
  kernel::CodeFiles& files_;
  std::deque<uint32_t> waiting_;
  std::unordered_set<uint32_t> barren_;  ///< they have no rows that could be used
  Built built_;
  TableQueueFigures figures_;
};

}  // namespace hostlens::symbols
