// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/table_queue.h"

#include <utility>

#include "symbols/names/debug_link.h"

namespace hostlens::symbols {

using base::Result;

void TableQueue::put_new(uint32_t number) {
  barren_.erase(number);
  std::erase(waiting_, number);
  waiting_.push_back(number);
}

void TableQueue::put_first(uint32_t number) {
  if (barren_.contains(number) || tables_.has_table(number)) return;
  if (executables_.find(number) == nullptr) return;
  std::erase(waiting_, number);
  waiting_.push_front(number);
}

/// What was compiled without unwind tables has them for its debugger: musl's libc, for one.
Result<UnwindTable> TableQueue::table_of(const CodeFileTable::Known& known) {
  const ElfView& elf = *known.file.elf;
  auto table = build_unwind_table(elf);
  const bool covered = table && table->statistics.covered_bytes >= table->statistics.code_bytes / 2;
  if (covered || elf.section(".gopclntab") != nullptr) return table;
  Refusals refusals;
  const auto debug = find_debug_file(
      elf,
      [&](const DebugFilePlace& place) {
        return open_debug_file(files_, known.process, known.start, known.limit, place);
      },
      refusals);
  if (!debug) return table;
  auto more = build_unwind_table(elf, debug->elf);
  return more ? std::move(more) : std::move(table);
}

bool TableQueue::build_next(uint64_t now_ns) {
  const CodeFileTable::Known* known = nullptr;
  while (!waiting_.empty() && (known = executables_.find(waiting_.front())) == nullptr) {
    waiting_.pop_front();  // forgotten meanwhile
  }
  if (known == nullptr) return false;
  const uint32_t number = waiting_.front();
  if (built_.elf != known->file.elf) {
    built_ = {};
    auto table = table_of(*known);
    if (table) {
      for (const NumberedPage& page : table->pages) {
        built_.pages.push_back({page.number, page.page});
      }
      built_.rows = std::move(table->rows);
    }
    built_.elf = known->file.elf;
  }
  const auto published = tables_.publish(number, built_.pages, built_.rows, now_ns);
  if (!published && published.error().kind == base::Error::Kind::kBusy) return false;
  built_ = {};
  waiting_.pop_front();
  if (!published) barren_.insert(number);
  ++(published ? figures_.built : figures_.failed);
  return true;
}

}  // namespace hostlens::symbols
