// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/vm_structs.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace hostlens::symbols {
namespace {

/// An nmethod has some 400 bytes.
constexpr uint64_t kMostOffset = 4096;

struct StructEntry {
  uint64_t type = 0;
  uint64_t field = 0;
  uint64_t type_text = 0;
  int32_t is_static = 0;
  uint32_t padding = 0;
  uint64_t offset = 0;
  uint64_t address = 0;
};
static_assert(sizeof(StructEntry) == kVmStructBytes);

struct TypeEntry {
  uint64_t type = 0;
  uint64_t super = 0;
  int32_t is_oop = 0, is_integer = 0, is_unsigned = 0;
  uint32_t padding = 0;
  uint64_t bytes = 0;
};
static_assert(sizeof(TypeEntry) == kVmTypeBytes);

struct Field {
  std::string_view type, field;
  uint32_t HotspotLayout::*offset;
};
constexpr Field kFields[] = {
    {"GrowableArrayBase", "_len", &HotspotLayout::array_length},
    {"GenericGrowableArray", "_len", &HotspotLayout::array_length},  // before 16
    {"GrowableArray<int>", "_data", &HotspotLayout::array_elements},
    {"CodeHeap", "_memory", &HotspotLayout::heap_memory},
    {"CodeHeap", "_segmap", &HotspotLayout::heap_segments},
    {"CodeHeap", "_log2_segment_size", &HotspotLayout::heap_segment_log2},
    {"VirtualSpace", "_low", &HotspotLayout::space_low},
    {"VirtualSpace", "_low_boundary", &HotspotLayout::space_low_boundary},
    {"VirtualSpace", "_high_boundary", &HotspotLayout::space_high_boundary},
    {"StubQueue", "_stub_buffer", &HotspotLayout::queue_buffer},
    {"StubQueue", "_buffer_limit", &HotspotLayout::queue_bytes},
    {"CodeBlob", "_name", &HotspotLayout::blob_name},
    {"CodeBlob", "_frame_size", &HotspotLayout::blob_frame_size},
    {"CodeBlob", "_frame_complete_offset", &HotspotLayout::blob_frame_complete},
    {"CodeBlob", "_code_begin", &HotspotLayout::blob_code_begin},
    {"CodeBlob", "_code_offset", &HotspotLayout::blob_code_offset},
    {"CodeBlob", "_mutable_data", &HotspotLayout::mutable_data},
    {"CodeBlob", "_mutable_data_size", &HotspotLayout::mutable_bytes},
    {"CodeBlob", "_relocation_size", &HotspotLayout::relocation_bytes},
    {"CompiledMethod", "_method", &HotspotLayout::nmethod_method},  // before 23
    {"nmethod", "_method", &HotspotLayout::nmethod_method},
    {"nmethod", "_compile_id", &HotspotLayout::nmethod_compile_id},
    {"nmethod", "_scopes_pcs_offset", &HotspotLayout::scopes_pcs_offset},
    {"CompiledMethod", "_scopes_data_begin", &HotspotLayout::scopes_data_begin},
    {"nmethod", "_dependencies_offset", &HotspotLayout::dependencies_offset},
    {"nmethod", "_metadata_offset", &HotspotLayout::metadata_offset},
    {"nmethod", "_immutable_data", &HotspotLayout::immutable_data},
    {"nmethod", "_immutable_data_size", &HotspotLayout::immutable_bytes},
    {"nmethod", "_scopes_data_offset", &HotspotLayout::scopes_data_offset},
    {"Method", "_constMethod", &HotspotLayout::method_const},
    {"ConstMethod", "_constants", &HotspotLayout::const_pool},
    {"ConstMethod", "_constMethod_size", &HotspotLayout::const_all_bytes},
    {"ConstMethod", "_flags", &HotspotLayout::const_flags},
    {"ConstMethod", "_flags._flags", &HotspotLayout::const_flags},  // from 21 on
    {"ConstMethod", "_code_size", &HotspotLayout::const_code_bytes},
    {"ConstMethod", "_name_index", &HotspotLayout::const_name},
    {"ConstantPool", "_pool_holder", &HotspotLayout::pool_holder},
    {"ConstantPool", "_length", &HotspotLayout::pool_length},
    {"ConstantPool", "_source_file_name_index", &HotspotLayout::pool_file},
    {"InstanceKlass", "_source_file_name_index", &HotspotLayout::klass_file},
    {"Klass", "_name", &HotspotLayout::klass_name},
    {"Symbol", "_length", &HotspotLayout::symbol_length},
    {"Symbol", "_body", &HotspotLayout::symbol_body},
};

struct Static {
  std::string_view type, field;
  uint64_t HotspotLayout::*address;
};
constexpr Static kStatics[] = {
    {"Abstract_VM_Version", "_vm_major_version", &HotspotLayout::major_version},
    {"CodeCache", "_heaps", &HotspotLayout::code_heaps},
    {"AbstractInterpreter", "_code", &HotspotLayout::interpreter_code},
    {"StubRoutines", "_call_stub_return_address", &HotspotLayout::entry_return},
};

struct Size {
  std::string_view type;
  uint32_t HotspotLayout::*bytes;
};
constexpr Size kSizes[] = {
    {"HeapBlock", &HotspotLayout::block_bytes},
    {"ConstMethod", &HotspotLayout::const_bytes},
    {"ConstantPool", &HotspotLayout::pool_bytes},
    {"nmethod", &HotspotLayout::nmethod_bytes},
};

/// Where 0 means that there is none, though it may be an offset as well.
constexpr uint32_t HotspotLayout::*kNeeded[] = {
    &HotspotLayout::array_elements,      &HotspotLayout::heap_segments,
    &HotspotLayout::heap_segment_log2,   &HotspotLayout::space_low,
    &HotspotLayout::space_high_boundary, &HotspotLayout::queue_buffer,
    &HotspotLayout::queue_bytes,         &HotspotLayout::block_bytes,
    &HotspotLayout::blob_name,           &HotspotLayout::blob_frame_size,
    &HotspotLayout::blob_frame_complete, &HotspotLayout::nmethod_bytes,
    &HotspotLayout::nmethod_method,      &HotspotLayout::nmethod_compile_id,
    &HotspotLayout::method_const,        &HotspotLayout::const_pool,
    &HotspotLayout::const_bytes,         &HotspotLayout::const_code_bytes,
    &HotspotLayout::const_name,          &HotspotLayout::pool_bytes,
    &HotspotLayout::pool_holder,         &HotspotLayout::pool_length,
    &HotspotLayout::klass_name,          &HotspotLayout::symbol_body,
};

template <typename Entry>
std::optional<Entry> entry_at(base::Bytes table, size_t index) {
  base::ByteReader reader(table.subspan(std::min(index * sizeof(Entry), table.size())));
  return reader.read<Entry>();
}

/// Entries of one type follow each other: its name is read once for all of them.
class TypeNames {
 public:
  explicit TypeNames(const VmTextAt& text_at) : text_at_(text_at) {}
  std::string_view at(uint64_t address) {
    if (address != address_) {
      address_ = address;
      text_ = text_at_(address).value_or(std::string());
    }
    return text_;
  }

 private:
  const VmTextAt& text_at_;
  uint64_t address_ = 0;
  std::string text_;
};

bool is_wanted(std::string_view type) {
  const auto has = [&](const auto& each) { return each.type == type; };
  return std::any_of(std::begin(kFields), std::end(kFields), has) ||
         std::any_of(std::begin(kStatics), std::end(kStatics), has);
}

bool take_field(const StructEntry& entry, std::string_view type, std::string_view field,
                const VmTextAt& text_at, HotspotLayout& layout) {
  for (const Field& each : kFields) {
    if (each.type != type || each.field != field) continue;
    if (entry.offset > kMostOffset) return false;
    layout.*each.offset = static_cast<uint32_t>(entry.offset);
  }
  if (type == "CodeBlob" && field == "_frame_complete_offset") {
    layout.frame_complete_is_narrow = text_at(entry.type_text) == "int16_t";
  }
  return true;
}

bool is_complete(const HotspotLayout& layout) {
  const auto has = [&](const auto member) { return layout.*member != 0; };
  return std::all_of(std::begin(kNeeded), std::end(kNeeded), has) && layout.code_heaps != 0 &&
         layout.interpreter_code != 0 && layout.entry_return != 0 &&
         (layout.blob_code_begin != 0) != (layout.blob_code_offset != 0);
}

}  // namespace

std::optional<HotspotLayout> read_vm_structs(base::Bytes structs, base::Bytes types,
                                             const VmTextAt& text_at, uint64_t bias) {
  HotspotLayout layout;
  TypeNames names(text_at);
  for (size_t i = 0;; ++i) {
    const auto entry = entry_at<StructEntry>(structs, i);
    if (!entry || entry->type == 0) break;
    const std::string_view type = names.at(entry->type);
    if (!is_wanted(type)) continue;
    const auto field = text_at(entry->field);
    if (!field) return std::nullopt;
    if (entry->is_static == 0) {
      if (!take_field(*entry, type, *field, text_at, layout)) return std::nullopt;
      continue;
    }
    for (const Static& each : kStatics) {
      if (each.type == type && each.field == *field) layout.*each.address = entry->address - bias;
    }
  }
  for (size_t i = 0;; ++i) {
    const auto entry = entry_at<TypeEntry>(types, i);
    if (!entry || entry->type == 0) break;
    const std::string_view type = names.at(entry->type);
    for (const Size& each : kSizes) {
      if (each.type != type) continue;
      if (entry->bytes > kMostOffset) return std::nullopt;
      layout.*each.bytes = static_cast<uint32_t>(entry->bytes);
    }
  }
  if (!is_complete(layout)) return std::nullopt;
  return layout;
}

}  // namespace hostlens::symbols
