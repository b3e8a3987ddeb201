// SPDX-License-Identifier: Apache-2.0
// The text of /proc/kallsyms in pieces: the first byte is their size.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "symbols/names/kernel_symbols.h"

using namespace hostlens;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = data[0] + size_t{1};
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  symbols::KernelSymbolsBuilder builder({.symbols = 64, .name_bytes = 2048, .modules = 4});
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    builder.feed(text.substr(0, step));
  }
  const auto table = builder.finish();
  if (!table) return 0;
  if ((*table)->size() == 0 || (*table)->size() > 64) std::abort();
  for (uint64_t step_at = 0; step_at < 256; ++step_at) {
    const uint64_t address = 0xffffffff81000000 + step_at * 64;
    const auto found = (*table)->find(address);
    if (found && (found->start > address || found->name.empty())) std::abort();
  }
  return 0;
}
