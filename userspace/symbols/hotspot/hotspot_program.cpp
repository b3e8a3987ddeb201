// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/hotspot_program.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace hostlens::symbols {
namespace {

using base::Bytes;

constexpr uint64_t kMostSymbolBytes = 4U << 20;
constexpr uint64_t kMostNameBytes = 4U << 20;
/// The table of structures has some 60 KiB.
constexpr size_t kMostTableBytes = 512 << 10;
constexpr size_t kMostTextBytes = 64;
constexpr int32_t kFirstMajor = 11;
/// Half of the user's address space; what lies higher is none of a process's.
constexpr uint64_t kMostAddress = 1ULL << 47U;
constexpr uint64_t kMostCodeBytes = 1ULL << 32U;

std::string_view base_name(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path.substr(path.rfind('/') + 1);
}

std::string_view name_at(const std::vector<std::byte>& names, uint32_t offset) {
  if (offset >= names.size()) return {};
  const char* const text = reinterpret_cast<const char*>(names.data()) + offset;
  return {text, ::strnlen(text, names.size() - offset)};
}

template <typename T>
T value_at(Bytes bytes, size_t offset) {
  T value{};
  if (offset <= bytes.size() && bytes.size() - offset >= sizeof value) {
    std::memcpy(&value, bytes.data() + offset, sizeof value);
  }
  return value;
}

/// Up to and without the entry that has no name. Empty: not to be had.
std::vector<std::byte> read_table(ProcessWords& words, uint64_t address, size_t entry_bytes) {
  std::vector<std::byte> table;
  const uint64_t piece = kernel::ProcessMemory::kMostBytes / entry_bytes * entry_bytes;
  while (table.size() < kMostTableBytes) {
    const auto more = words.some(address + table.size(), piece);
    if (!more) return {};
    for (size_t at = 0; at + entry_bytes <= more->size(); at += entry_bytes) {
      if (value_at<uint64_t>(*more, at) == 0) {
        table.insert(table.end(), more->begin(), more->begin() + static_cast<ptrdiff_t>(at));
        return table;
      }
    }
    if (more->size() != piece) return {};
    table.insert(table.end(), more->begin(), more->end());
  }
  return {};
}

/// Of names that the compiler put into the file.
std::optional<std::string> text_of(const ElfView& elf, uint64_t address) {
  const auto offset = elf.offset_of(address);
  if (!offset) return std::nullopt;
  const auto bytes = elf.read(*offset, kMostTextBytes, kMostTextBytes);
  if (!bytes) return std::nullopt;
  const char* const text = reinterpret_cast<const char*>(bytes->data());
  return std::string(text, ::strnlen(text, bytes->size()));
}

struct CodeHeap {
  uint64_t start = 0, limit = 0, segments = 0;
  int32_t segment_log2 = 0;
};

std::optional<CodeHeap> read_heap(const HotspotLayout& layout, uint64_t address,
                                  ProcessWords& words) {
  const uint32_t ends[] = {layout.heap_memory + layout.space_low_boundary,
                           layout.heap_memory + layout.space_high_boundary,
                           layout.heap_segments + layout.space_low, layout.heap_segment_log2};
  const auto bytes = words.bytes(address, *std::max_element(std::begin(ends), std::end(ends)) + 8);
  if (!bytes) return std::nullopt;
  CodeHeap heap{value_at<uint64_t>(*bytes, ends[0]), value_at<uint64_t>(*bytes, ends[1]),
                value_at<uint64_t>(*bytes, ends[2]), value_at<int32_t>(*bytes, ends[3])};
  constexpr int32_t kLeastLog2 = 4;
  constexpr int32_t kMostLog2 = 16;
  const bool good = heap.start != 0 && heap.limit > heap.start && heap.limit < kMostAddress &&
                    heap.limit - heap.start <= kMostCodeBytes && heap.segments != 0 &&
                    heap.segment_log2 >= kLeastLog2 && heap.segment_log2 <= kMostLog2;
  return good ? std::optional(heap) : std::nullopt;
}

bool read_heaps(const HotspotLayout& layout, uint64_t bias, ProcessWords& words,
                hotspot_space& space) {
  const auto array = words.at<uint64_t>(bias + layout.code_heaps);
  if (!array || *array == 0) return false;
  const auto count = words.at<int32_t>(*array + layout.array_length);
  const auto elements = words.at<uint64_t>(*array + layout.array_elements);
  if (!count || !elements || *count < 1 || *count > HOTSPOT_HEAPS_MAX) return false;
  const auto pointers = words.bytes(*elements, static_cast<uint64_t>(*count) * sizeof(uint64_t));
  if (!pointers) return false;
  for (int32_t i = 0; i < *count; ++i) {
    const auto heap = read_heap(
        layout, value_at<uint64_t>(*pointers, static_cast<size_t>(i) * sizeof(uint64_t)), words);
    if (!heap || (i > 0 && heap->segment_log2 != space.segment_shift)) return false;
    space.segment_shift = static_cast<__u8>(heap->segment_log2);
    space.heaps[i] = {heap->start, heap->limit, heap->segments};
  }
  return true;
}

bool in_heaps(const hotspot_space& space, uint64_t address) {
  return std::any_of(std::begin(space.heaps), std::end(space.heaps), [&](const hotspot_heap& heap) {
    return address >= heap.start && address < heap.limit;
  });
}

bool read_interpreter(const HotspotLayout& layout, uint64_t bias, ProcessWords& words,
                      hotspot_space& space) {
  const auto queue = words.at<uint64_t>(bias + layout.interpreter_code);
  if (!queue || *queue == 0) return false;
  const auto start = words.at<uint64_t>(*queue + layout.queue_buffer);
  const auto bytes = words.at<int32_t>(*queue + layout.queue_bytes);
  const auto entry = words.at<uint64_t>(bias + layout.entry_return);
  if (!start || !bytes || !entry || *bytes <= 0) return false;
  space.interpreter_start = *start;
  space.interpreter_limit = *start + static_cast<uint64_t>(*bytes);
  space.entry_return = *entry;
  return in_heaps(space, space.interpreter_start) && in_heaps(space, space.interpreter_limit - 1) &&
         in_heaps(space, space.entry_return);
}

}  // namespace

std::optional<HotspotProgram> read_hotspot_program(const ElfView& elf, std::string_view path) {
  if (base_name(path) != "libjvm.so") return std::nullopt;
  HotspotProgram program;
  const std::array<std::pair<std::string_view, uint64_t*>, 4> wanted{{
      {"gHotSpotVMStructs", &program.structs},
      {"gHotSpotVMTypes", &program.types},
      {"gHotSpotVMStructEntryArrayStride", &program.struct_stride},
      {"gHotSpotVMTypeEntryArrayStride", &program.type_stride},
  }};
  for (const ElfSection& table : elf.sections()) {
    if (table.type != SHT_DYNSYM || table.link >= elf.sections().size()) continue;
    const auto symbols = elf.contents(table, kMostSymbolBytes);
    const auto names = elf.contents(elf.sections()[table.link], kMostNameBytes);
    if (!symbols || !names) continue;
    for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols->size(); at += sizeof(Elf64_Sym)) {
      const auto symbol = value_at<Elf64_Sym>(*symbols, at);
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0) continue;
      const std::string_view name = name_at(*names, symbol.st_name);
      for (const auto& [text, address] : wanted) {
        if (name == text) *address = symbol.st_value;
      }
    }
  }
  const bool found =
      std::all_of(wanted.begin(), wanted.end(), [](const auto& each) { return *each.second != 0; });
  return found ? std::optional(program) : std::nullopt;
}

std::optional<HotspotLayout> read_hotspot_layout(const HotspotProgram& program, const ElfView& elf,
                                                 uint64_t bias, ProcessWords& words) {
  if (words.at<uint64_t>(bias + program.struct_stride) != kVmStructBytes ||
      words.at<uint64_t>(bias + program.type_stride) != kVmTypeBytes) {
    return std::nullopt;
  }
  const auto structs = words.at<uint64_t>(bias + program.structs);
  const auto types = words.at<uint64_t>(bias + program.types);
  if (!structs || !types) return std::nullopt;
  auto layout = read_vm_structs(
      read_table(words, *structs, kVmStructBytes), read_table(words, *types, kVmTypeBytes),
      [&](uint64_t address) { return text_of(elf, address - bias); }, bias);
  if (!layout) return std::nullopt;
  layout->major = words.at<int32_t>(bias + layout->major_version).value_or(0);
  return layout->major >= kFirstMajor ? layout : std::nullopt;
}

std::optional<hotspot_space> read_code_cache(const HotspotLayout& layout, uint64_t bias,
                                             ProcessWords& words) {
  hotspot_space space{};
  if (!read_heaps(layout, bias, words, space) || !read_interpreter(layout, bias, words, space)) {
    return std::nullopt;
  }
  space.blob_name = static_cast<__u16>(layout.blob_name);
  space.blob_frame_size = static_cast<__u16>(layout.blob_frame_size);
  space.blob_frame_complete = static_cast<__u16>(layout.blob_frame_complete);
  space.code_is_offset = layout.blob_code_offset != 0 ? 1 : 0;
  space.blob_code = static_cast<__u16>(space.code_is_offset != 0 ? layout.blob_code_offset
                                                                 : layout.blob_code_begin);
  space.nmethod_compile_id = static_cast<__u16>(layout.nmethod_compile_id);
  space.method_const = static_cast<__u16>(layout.method_const);
  space.const_method_bytes = static_cast<__u16>(layout.const_bytes);
  space.block_header = static_cast<__u8>(std::min(layout.block_bytes, 255U));
  space.frame_complete_bytes = layout.frame_complete_is_narrow ? 2 : 4;
  return space;
}

}  // namespace hostlens::symbols
