// SPDX-License-Identifier: Apache-2.0
// Symbol tables, debug links and compressed symbols of an ELF file that nobody vouches for.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "symbols/names/debug_data.h"
#include "symbols/names/debug_link.h"
#include "symbols/names/go_program.h"
#include "symbols/names/symbol_reader.h"

using namespace hostlens;

namespace {

constexpr symbols::SymbolLimits kLimits{
    .symbols = 512, .records = 4096, .table_bytes = 16384, .name_bytes = 256};

void expect(bool holds) {
  if (!holds) std::abort();
}

void look_up(const symbols::ElfView& elf) {
  const auto table = symbols::read_symbols(elf, kLimits);
  if (!table) return;
  expect(table->size() <= kLimits.symbols);
  std::vector<uint64_t> addresses{0, 1, elf.entry(), UINT64_MAX};
  for (const symbols::ElfSegment& each : elf.segments()) {
    for (uint64_t step = 0; step < 64; ++step) addresses.push_back(each.address + step * 16);
  }
  for (const uint64_t address : addresses) {
    const auto found = table->find(address);
    if (!found) continue;
    expect(found->start <= address && found->index < table->size());
    const std::string name = table->name_of(found->index);
    expect(!name.empty() && name.size() <= kLimits.name_bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const auto elf = symbols::ElfView::open(
      std::make_shared<symbols::MemorySource>(std::vector<std::byte>(begin, begin + size)));
  if (!elf) return 0;
  look_up(*elf);
  const auto link = symbols::debug_link_of(*elf);
  for (const auto& place : symbols::debug_file_places(elf->build_id(), link)) {
    const auto* named = std::get_if<symbols::DebugFileByLink>(&place);
    expect(named == nullptr || kernel::is_file_name(named->name));
  }
  (void)symbols::is_debug_file_of(*elf, "00", link);
  const auto inner = symbols::open_debug_data(
      *elf, {.compressed_bytes = 65536, .bytes = 65536, .dictionary_bytes = 1 << 20});
  if (inner) look_up(*inner);
  const auto go = symbols::open_go_program(*elf, {.table_bytes = 65536, .relocation_bytes = 65536});
  if (go) (void)go->find(elf->entry());
  return 0;
}
