// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/compiled_code.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "symbols/hotspot/unsigned5.h"

namespace hostlens::symbols {
namespace {

/// MaxInlineLevel is 15; recursion and intrinsics add some.
constexpr size_t kMostInlined = 64;
constexpr uint64_t kWord = 8;

/// share/code/pcDesc.hpp
struct PcDesc {
  int32_t pc_offset = 0;
  int32_t scope_decode_offset = 0;
  int32_t obj_decode_offset = 0;
  int32_t flags = 0;
};
static_assert(sizeof(PcDesc) == 16);

template <typename T>
T value_at(base::Bytes bytes, uint64_t offset) {
  T value{};
  if (offset <= bytes.size() && bytes.size() - offset >= sizeof value) {
    std::memcpy(&value, bytes.data() + offset, sizeof value);
  }
  return value;
}

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// Where the parts are that tell of inlined methods; empty ranges: not known.
struct Parts {
  Range places, scopes, methods;
};

/// Until 22 everything lies behind the code.
Parts parts_of_one(const HotspotLayout& layout, uint64_t nmethod, base::Bytes header) {
  const auto at = [&](uint32_t field) { return nmethod + value_at<uint32_t>(header, field); };
  const uint64_t scopes = value_at<uint64_t>(header, layout.scopes_data_begin);
  const uint64_t places = at(layout.scopes_pcs_offset);
  return {{places, at(layout.dependencies_offset)},
          {scopes, places},
          {at(layout.metadata_offset), scopes}};
}

/// From 25 on there are two parts elsewhere.
Parts parts_elsewhere(const HotspotLayout& layout, base::Bytes header) {
  const uint64_t fixed = value_at<uint64_t>(header, layout.immutable_data);
  const uint64_t changing = value_at<uint64_t>(header, layout.mutable_data);
  const uint64_t places = fixed + value_at<uint32_t>(header, layout.scopes_pcs_offset);
  const uint64_t scopes = fixed + value_at<uint32_t>(header, layout.scopes_data_offset);
  const uint64_t relocations =
      (value_at<uint32_t>(header, layout.relocation_bytes) + kWord - 1) / kWord * kWord;
  return {{places, scopes},
          {scopes, fixed + value_at<uint32_t>(header, layout.immutable_bytes)},
          {changing + relocations, changing + value_at<uint32_t>(header, layout.mutable_bytes)}};
}

Parts parts_of(const HotspotLayout& layout, uint64_t nmethod, base::Bytes header) {
  if (layout.scopes_pcs_offset == 0) return {};
  if (layout.scopes_data_begin != 0 && layout.dependencies_offset != 0 &&
      layout.metadata_offset != 0) {
    return parts_of_one(layout, nmethod, header);
  }
  if (layout.immutable_data != 0 && layout.immutable_bytes != 0 && layout.scopes_data_offset != 0 &&
      layout.mutable_data != 0 && layout.mutable_bytes != 0 && layout.relocation_bytes != 0) {
    return parts_elsewhere(layout, header);
  }
  return {};
}

/// Empty: not to be had, or more than `most`.
std::vector<std::byte> read_range(const Range& range, uint64_t most, ProcessWords& words) {
  std::vector<std::byte> all;
  if (range.end <= range.begin || range.end - range.begin > most) return all;
  for (uint64_t at = range.begin; at < range.end;) {
    const uint64_t piece = std::min<uint64_t>(range.end - at, kernel::ProcessMemory::kMostBytes);
    const auto more = words.bytes(at, piece);
    if (!more) return {};
    all.insert(all.end(), more->begin(), more->end());
    at += piece;
  }
  return all;
}

std::vector<CompiledCode::Place> parse_places(base::Bytes bytes) {
  std::vector<CompiledCode::Place> places;
  for (uint64_t at = 0; at + sizeof(PcDesc) <= bytes.size(); at += sizeof(PcDesc)) {
    const auto desc = value_at<PcDesc>(bytes, at);
    if (!places.empty() && desc.pc_offset < places.back().offset) return {};
    places.push_back({desc.pc_offset, desc.scope_decode_offset});
  }
  return places;
}

}  // namespace

std::vector<CodeScope> CompiledCode::chain(int32_t scope) const {
  const Unsigned5 numbers(major);
  std::vector<CodeScope> found;
  for (int32_t at = scope; at > 0 && found.size() < kMostInlined;) {
    if (static_cast<size_t>(at) >= scopes.size()) return {};
    base::ByteReader reader(base::Bytes(scopes).subspan(static_cast<size_t>(at)));
    const auto sender = numbers.read(reader);
    const auto number = numbers.read(reader);
    const auto bytecode = numbers.read(reader);
    if (!sender || !number || !bytecode || *number == 0 || *number > methods.size()) return {};
    found.push_back({*number - 1, static_cast<int32_t>(*bytecode) - 1});
    // A caller is described before those that were inlined into it.
    if (static_cast<int64_t>(*sender) >= at) return {};
    at = static_cast<int32_t>(*sender);
  }
  return found;
}

std::vector<CodeScope> CompiledCode::scopes_at(uint32_t place) const {
  const int64_t offset = int64_t{place} - begin;
  const auto next =
      std::lower_bound(places.begin(), places.end(), offset,
                       [](const Place& each, int64_t at) { return each.offset < at; });
  return next == places.end() ? std::vector<CodeScope>{} : chain(next->scope);
}

std::optional<CompiledCode> read_compiled_code(const HotspotLayout& layout, uint64_t nmethod,
                                               uint32_t compile_id, ProcessWords& words,
                                               const CompiledCodeLimits& limits) {
  const auto header = words.bytes(nmethod, layout.nmethod_bytes);
  if (!header || value_at<uint32_t>(*header, layout.nmethod_compile_id) != compile_id) {
    return std::nullopt;
  }
  CompiledCode code;
  code.major = layout.major;
  code.method = value_at<uint64_t>(*header, layout.nmethod_method);
  code.begin =
      layout.blob_code_offset != 0
          ? value_at<uint32_t>(*header, layout.blob_code_offset)
          : static_cast<uint32_t>(value_at<uint64_t>(*header, layout.blob_code_begin) - nmethod);
  const Parts parts = parts_of(layout, nmethod, *header);
  const auto methods = read_range(parts.methods, limits.methods_bytes, words);
  code.scopes = read_range(parts.scopes, limits.scopes_bytes, words);
  if (methods.empty() || code.scopes.empty()) {
    code.scopes.clear();
    return code;
  }
  code.places = parse_places(read_range(parts.places, limits.places_bytes, words));
  for (uint64_t at = 0; at + kWord <= methods.size(); at += kWord) {
    code.methods.push_back(value_at<uint64_t>(methods, at));
  }
  return code;
}

}  // namespace hostlens::symbols
