// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/debug_link.h"

#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
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

std::optional<DebugFile> find_debug_file(const ElfView& elf, const OpenDebugFile& open,
                                         Refusals& refusals) {
  if (!open) return std::nullopt;
  const auto link = debug_link_of(elf);
  auto places = debug_file_places(elf.build_id(), link);
  if (!elf.build_id().empty() && elf.section(".gnu_debugdata") == nullptr) {
    places.emplace_back(DebugFileOfServer{elf.build_id()});
  }
  for (const DebugFilePlace& place : places) {
    auto opened = open(place);
    if (!opened) continue;
    base::UniqueFd descriptor(::fcntl(opened->get(), F_DUPFD_CLOEXEC, 0));
    auto source = FileSource::open(*std::move(opened));
    if (!source) continue;
    auto debug = ElfView::open(*source);
    if (!debug) {
      refusals.count(debug.error());
    } else if (!is_debug_file_of(*debug, elf.build_id(), link)) {
      refusals.count(Refusals::Reason::kMismatch);
    } else {
      return DebugFile{*std::move(debug), std::move(descriptor)};
    }
  }
  return std::nullopt;
}

base::Result<base::UniqueFd> open_debug_file(kernel::CodeFiles& files,
                                             const model::ProcessKey& process, uint64_t start,
                                             uint64_t limit, const DebugFilePlace& place) {
  if (const auto* known = std::get_if<DebugFileByBuildId>(&place)) {
    return files.open_debug_symbols(known->of_host ? std::nullopt : std::optional(process),
                                    known->build_id);
  }
  if (std::holds_alternative<DebugFileOfServer>(place)) {
    return base::errno_error("ask a server for debug symbols", ENOENT);  // these files have none
  }
  const auto& link = std::get<DebugFileByLink>(place);
  return files.open_linked_debug_file(process, start, limit, link.folder, link.name);
}

}  // namespace hostlens::symbols
