// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/debug_link.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace hostlens::symbols {
namespace {

constexpr size_t kMaxName = 255;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<uint32_t> crc_of(const ByteSource& source) {
  std::vector<std::byte> piece(1 << 20);
  uLong crc = ::crc32(0, nullptr, 0);
  for (uint64_t done = 0; done < source.size(); done += piece.size()) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(piece.size(), source.size() - done));
    if (!source.read(done, std::span(piece).first(count))) return std::nullopt;
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(count));
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace

std::optional<DebugLink> parse_debug_link(base::Bytes contents) {
  const auto* text = reinterpret_cast<const char*>(contents.data());
  const size_t length = contents.empty() ? 0 : ::strnlen(text, contents.size());
  const size_t crc_at = (length + 1 + 3) & ~size_t{3};
  if (length == contents.size() || contents.size() < crc_at + sizeof(uint32_t)) return std::nullopt;
  DebugLink link{.name = std::string(text, length)};
  std::memcpy(&link.crc, contents.data() + crc_at, sizeof link.crc);
  if (!kernel::is_file_name(link.name)) return std::nullopt;
  return link;
}

std::optional<DebugLink> debug_link_of(const ElfView& elf) {
  const ElfSection* section = elf.section(".gnu_debuglink");
  if (section == nullptr) return std::nullopt;
  const auto contents = elf.contents(*section, kMaxName + 16);
  return contents ? parse_debug_link(*contents) : std::nullopt;
}

std::vector<DebugFilePlace> debug_file_places(std::string_view build_id,
                                              const std::optional<DebugLink>& link) {
  using kernel::DebugFolder;
  std::vector<DebugFilePlace> places;
  if (build_id.size() > 2 && is_hex(build_id)) {
    for (const bool of_host : {false, true}) {
      places.emplace_back(DebugFileByBuildId{std::string(build_id), of_host});
    }
  }
  if (!link || !kernel::is_file_name(link->name)) return places;
  for (auto folder : {DebugFolder::kBeside, DebugFolder::kDotDebug, DebugFolder::kDebugRoot}) {
    places.emplace_back(DebugFileByLink{folder, link->name});
  }
  return places;
}

bool is_debug_file_of(const ElfView& debug, std::string_view build_id,
                      const std::optional<DebugLink>& link, uint64_t crc_bytes) {
  if (!build_id.empty() && !debug.build_id().empty()) return debug.build_id() == build_id;
  if (!link || debug.source().size() > crc_bytes) return false;
  return crc_of(debug.source()) == link->crc;
}

}  // namespace hostlens::symbols
