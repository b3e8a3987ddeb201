// SPDX-License-Identifier: Apache-2.0
#include "symbols/elf/build_id.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace hostlens::symbols {
namespace {

constexpr size_t kMaxIdBytes = 64;  // 20 by default, 32 at most seen

std::string hex(base::Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text += kDigits[static_cast<unsigned>(byte >> 4)];
    text += kDigits[static_cast<unsigned>(byte & std::byte{15})];
  }
  return text;
}

size_t padded(size_t size) { return (size + 3) & ~size_t{3}; }

}  // namespace

std::string build_id_of_notes(base::Bytes notes) {
  base::ByteReader reader(notes);
  while (const auto header = reader.read<Elf64_Nhdr>()) {
    const auto name = reader.read_bytes(padded(header->n_namesz));
    if (!name) break;
    // The last note may lack its padding.
    const size_t size = std::min(padded(header->n_descsz), reader.remaining());
    const auto description = reader.read_bytes(size);
    if (!description || size < header->n_descsz) break;
    if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == sizeof ELF_NOTE_GNU &&
        std::memcmp(name->data(), ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 && header->n_descsz > 0 &&
        header->n_descsz <= kMaxIdBytes) {
      return hex(description->first(header->n_descsz));
    }
  }
  return {};
}

}  // namespace hostlens::symbols
