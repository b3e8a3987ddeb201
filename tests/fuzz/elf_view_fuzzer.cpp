// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ELF file: headers, contents of its sections, and its unwind table.
#include <cstdint>
#include <memory>

#include "unwind_invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hostlens;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  auto source =
      std::make_shared<symbols::MemorySource>(std::vector<std::byte>(bytes, bytes + size));
  const symbols::ElfLimits elf_limits{
      .segments = 16, .sections = 32, .section_names = 4096, .notes = 4096};
  const auto view = symbols::ElfView::open(std::move(source), elf_limits);
  if (!view) {
    fuzz::require(!view.error().message.empty());
    return 0;
  }
  fuzz::require(view->segments().size() <= elf_limits.segments &&
                view->sections().size() <= elf_limits.sections && view->build_id().size() <= 128);
  constexpr uint64_t kContents = 64 << 10;
  for (const symbols::ElfSection& section : view->sections()) {
    const auto contents = view->contents(section, kContents);
    if (contents) fuzz::require(contents->size() <= kContents);
  }
  for (const symbols::ElfSegment& segment : view->executable_segments()) {
    const auto offset = view->offset_of(segment.address);
    fuzz::require(offset.has_value());
  }
  symbols::UnwindLimits limits;
  limits.section_bytes = kContents;
  limits.table = {.rows = 4096, .pages = 256, .padding = 15};
  const auto table = symbols::build_unwind_table(*view, limits);
  if (table) fuzz::check_table(*table, limits);
  return 0;
}
