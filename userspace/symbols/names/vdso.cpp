// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/vdso.h"

#include <elf.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace hostlens::symbols {
namespace {

constexpr uint64_t kMaxImage = 64 << 10;  // two pages as of Linux 6.18
constexpr uint64_t kPage = 4096;

}  // namespace

base::Result<ElfView> open_own_vdso() {
  const auto* image = reinterpret_cast<const std::byte*>(  // NOLINT: an address is what it is
      ::getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr) {
    return base::Error{base::Error::Kind::kNotFound, 0, "vDSO: this kernel maps none", {}};
  }
  // The headers are the kernel's own. Sections lie behind the segment; all of its pages are mapped.
  Elf64_Ehdr header{};
  std::memcpy(&header, image, sizeof header);
  uint64_t size = header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
  for (uint16_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    std::memcpy(&segment, image + header.e_phoff + i * sizeof segment, sizeof segment);
    size = std::max(size, segment.p_offset + segment.p_filesz);
  }
  size = (size + kPage - 1) / kPage * kPage;
  if (size > kMaxImage) return base::invalid_error("vDSO: larger than any known one");
  return ElfView::open(std::make_shared<MemorySource>(std::vector<std::byte>(image, image + size)));
}

}  // namespace hostlens::symbols
