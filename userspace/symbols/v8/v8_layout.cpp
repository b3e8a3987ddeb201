// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_layout.h"

#include <algorithm>
#include <utility>

#include "symbols/elf/elf_symbols.h"

namespace hostlens::symbols {
namespace {

constexpr std::string_view kPrefix = "v8dbg_";
constexpr uint64_t kMostSymbolBytes = 32U << 20;
/// They are some 500.
constexpr size_t kMostValues = 4096;
constexpr size_t kMostUncompiled = 8;

struct Wanted {
  std::string_view name;  ///< of a field: all but its type, which differs from version to version
  uint16_t V8Layout::*member;
};
constexpr Wanted kWanted[] = {
    {"class_SharedFunctionInfo__script", &V8Layout::shared_script},
    {"class_Map__instance_type__", &V8Layout::map_type},
    {"type_SharedFunctionInfo__", &V8Layout::shared_type},
    {"type_ScopeInfo__", &V8Layout::scope_info_type},
    {"type_Script__", &V8Layout::script_type},
    {"class_UncompiledData__inferred_name__", &V8Layout::uncompiled_name},
    {"class_UncompiledData__start_position__", &V8Layout::uncompiled_start},
    {"class_Script__name__", &V8Layout::script_name},
    {"scopeinfo_idx_ncontextlocals", &V8Layout::scope_locals},
    {"scopeinfo_idx_first_vars", &V8Layout::scope_variables},
    {"StringRepresentationMask", &V8Layout::string_form},
    {"StringEncodingMask", &V8Layout::string_encoding},
    {"OneByteStringTag", &V8Layout::one_byte},
    {"SeqStringTag", &V8Layout::form_sequential},
    {"ConsStringTag", &V8Layout::form_cons},
    {"ExternalStringTag", &V8Layout::form_external},
    {"SlicedStringTag", &V8Layout::form_sliced},
    {"ThinStringTag", &V8Layout::form_thin},
    {"class_String__length__", &V8Layout::string_length},
    {"class_ConsString__first__", &V8Layout::cons_first},
    {"class_ConsString__second__", &V8Layout::cons_second},
    {"class_SlicedString__parent__", &V8Layout::sliced_parent},
    {"class_SlicedString__offset__", &V8Layout::sliced_offset},
    {"class_ThinString__actual__", &V8Layout::thin_actual},
    {"class_SeqOneByteString__chars__", &V8Layout::one_byte_characters},
    {"class_SeqTwoByteString__chars__", &V8Layout::two_byte_characters},
};

/// What is 0 may lie behind what the file holds (.bss).
bool is_zeroed(const ElfView& elf, uint64_t address) {
  return std::any_of(elf.segments().begin(), elf.segments().end(), [&](const ElfSegment& segment) {
    return segment.type == PT_LOAD && address - segment.address >= segment.file_size &&
           address - segment.address < segment.memory_size;
  });
}

std::optional<int32_t> value_at(const ElfView& elf, uint64_t address) {
  const auto offset = elf.offset_of(address);
  if (!offset) return is_zeroed(elf, address) ? std::optional(0) : std::nullopt;
  const auto bytes = elf.read(*offset, sizeof(int32_t), sizeof(int32_t));
  if (!bytes) return std::nullopt;
  return base::ByteReader(*bytes).read<int32_t>();
}

V8Values values_of(const ElfView& elf, uint32_t table) {
  V8Values values;
  visit_symbols(elf, table, kMostSymbolBytes, [&](const Elf64_Sym& symbol, std::string_view name) {
    if (!name.starts_with(kPrefix) || symbol.st_size != sizeof(int32_t) ||
        values.size() >= kMostValues) {
      return;
    }
    if (const auto value = value_at(elf, symbol.st_value)) {
      values.emplace(name.substr(kPrefix.size()), *value);
    }
  });
  return values;
}

/// The first one whose name begins so.
std::optional<int32_t> find(const V8Values& values, std::string_view name) {
  const auto found = values.lower_bound(name);
  if (found == values.end() || !std::string_view(found->first).starts_with(name)) {
    return std::nullopt;
  }
  return found->second;
}

std::string_view mark_of(std::string_view frame_type) {
  if (frame_type.find("Wasm") != std::string_view::npos) return "[wasm]";
  if (frame_type.starts_with("Irregexp")) return "[regexp]";
  return {};
}

void take_lists(const V8Values& values, V8Layout& layout) {
  constexpr std::string_view kUncompiled = "type_UncompiledData";
  constexpr std::string_view kFrameType = "frametype_";
  for (const auto& [name, value] : values) {
    const std::string_view text = name;
    if (text.starts_with(kUncompiled) && layout.uncompiled_types.size() < kMostUncompiled) {
      layout.uncompiled_types.push_back(static_cast<uint16_t>(value));
    }
    if (text.starts_with(kFrameType) && value >= 0 && value < V8_FRAME_TYPES) {
      layout.frame_marks[static_cast<size_t>(value)] = mark_of(text.substr(kFrameType.size()));
    }
  }
}

/// A field of Code that only some versions tell of, and where it was in the others.
struct CodeField {
  std::string_view name;
  uint16_t V8CodeLayout::*member;
  uint16_t together;  ///< V8 9.4 (src/objects/code.h), and 10.2: Code holds its instructions
  uint16_t separate;  ///< V8 11.3, 12.4 and 13.6
};
constexpr CodeField kCodeFields[] = {
    {"class_Code__instruction_size__", &V8CodeLayout::code_size, 40, 56},
    {"DeoptimizationDataInlinedFunctionCountIndex", &V8CodeLayout::inlined_functions, 1, 1},
    {"DeoptimizationDataLiteralArrayIndex", &V8CodeLayout::literals, 2, 2},
    {"DeoptimizationDataInliningPositionsIndex", &V8CodeLayout::inlinings, 7, 7},
};

std::optional<V8CodeLayout> code_layout_of(const V8Values& values) {
  constexpr int32_t kMost = 4096;
  V8CodeLayout layout;
  const auto take = [&](std::string_view name, uint16_t& member) {
    const auto value = find(values, name);
    if (!value || *value < 0 || *value > kMost) return false;
    member = static_cast<uint16_t>(*value);
    return true;
  };
  layout.separate = take("type_InstructionStream__", layout.stream_type);
  const bool told = layout.separate
                        ? take("class_InstructionStream__instruction_start__", layout.stream_start)
                        : take("type_Code__", layout.stream_type) &&
                              take("class_Code__instruction_start__", layout.stream_start);
  if (!told || !take("class_FixedArrayBase__length__SMI", layout.array_length) ||
      !take("class_FixedArray__data__", layout.array_data)) {
    return std::nullopt;
  }
  for (const CodeField& field : kCodeFields) {
    layout.*field.member = layout.separate ? field.separate : field.together;
    (void)take(field.name, layout.*field.member);
  }
  // V8 11.3 tells of both and keeps its relocations in Code, which InstructionStream has since
  // then.
  layout.deoptimization = 16;
  if (layout.separate && !take("class_Code__deoptimization_data__", layout.deoptimization)) {
    layout.deoptimization = 8;
  }
  layout.positions = layout.deoptimization + 8;
  layout.code_start = 40;
  (void)take("class_Code__instruction_start__Address", layout.code_start);
  layout.shared = 6;
  if (!take("DeoptimizationDataSharedFunctionInfoIndex", layout.shared)) {
    (void)take("DeoptimizationDataWrappedSharedFunctionInfoIndex", layout.shared);
  }
  const auto take_types = [&](std::initializer_list<std::string_view> names,
                              std::vector<uint16_t>& types) {
    for (const std::string_view name : names) {
      if (uint16_t type = 0; take(name, type)) types.push_back(type);
    }
    return !types.empty();
  };
  const bool types =
      take_types({"type_FixedArray__", "type_WeakFixedArray__", "type_TrustedFixedArray__",
                  "type_TrustedWeakFixedArray__", "type_ProtectedFixedArray__"},
                 layout.word_arrays) &&
      take_types({"type_ByteArray__", "type_TrustedByteArray__"}, layout.byte_arrays);
  return types ? std::optional(std::move(layout)) : std::nullopt;
}

base::Error unsupported(std::string what) {
  return base::Error{base::Error::Kind::kUnsupported, 0, "V8: " + std::move(what), {}};
}

/// Whether a frame is as records/v8.h has it, and a word of a heap object a pointer.
base::Result<void> check_frames(const V8Values& values) {
  constexpr int32_t kUncompressedShift = 31;
  if (find(values, "SmiShiftSize") != kUncompressedShift || find(values, "SmiTag") != 0 ||
      find(values, "HeapObjectTag") != V8_HEAP_OBJECT_TAG) {
    return unsupported("pointers are compressed");
  }
  if (find(values, "off_fp_context") != V8_CONTEXT_OFFSET ||
      find(values, "off_fp_function") != V8_FUNCTION_OFFSET) {
    return unsupported("frames of another kind");
  }
  return {};
}

bool may_be_v8(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.starts_with("node") || name.starts_with("libnode");
}

}  // namespace

base::Result<V8Layout> v8_layout_of(const V8Values& values) {
  /// No object that is asked for is larger.
  constexpr int32_t kMost = 4096;
  if (auto fits = check_frames(values); !fits) return std::move(fits).error();
  V8Layout layout;
  const auto take = [&](std::string_view name, uint16_t& member) {
    const auto value = find(values, name);
    if (!value || *value < 0 || *value > kMost) return false;
    member = static_cast<uint16_t>(*value);
    return true;
  };
  for (const Wanted& wanted : kWanted) {
    if (!take(wanted.name, layout.*wanted.member)) {
      return unsupported(std::string(wanted.name) + " is not told");
    }
  }
  const auto not_string = find(values, "IsNotStringMask");
  if (!take("class_JSFunction__shared__", layout.kernel.function_shared) ||
      !take("class_SharedFunctionInfo__name_or_scope_info__", layout.kernel.shared_name) ||
      !not_string) {
    return unsupported("names of functions are not told");
  }
  layout.string_not = static_cast<uint16_t>(*not_string);
  if (uint16_t source = 0; take("class_Script__source__", source)) layout.script_source = source;
  take_lists(values, layout);
  layout.code = code_layout_of(values);
  return layout;
}

base::Result<std::optional<V8Layout>> read_v8_layout(const ElfView& elf, std::string_view path) {
  if (!may_be_v8(path)) return std::optional<V8Layout>();
  V8Values values = values_of(elf, SHT_DYNSYM);
  if (values.empty()) values = values_of(elf, SHT_SYMTAB);
  if (values.empty()) return std::optional<V8Layout>();
  auto layout = v8_layout_of(values);
  if (!layout) return std::move(layout).error();
  return std::optional<V8Layout>(*std::move(layout));
}

}  // namespace hostlens::symbols
