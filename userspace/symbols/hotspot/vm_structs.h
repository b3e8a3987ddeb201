// SPDX-License-Identifier: Apache-2.0
// Where HotSpot's structures have their fields, by the tables that it exports for its
// serviceability agent: share/runtime/vmStructs.hpp (VMStructEntry, VMTypeEntry). Pure; the bytes
// are anybody's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/byte_reader.h"

namespace hostlens::symbols {

/// Offsets are bytes from the beginning of the structure; addresses of static fields are ELF
/// virtual addresses of libjvm.so. 0 where it says "or 0".
struct HotspotLayout {
  /// Of JDK 11 and later; 0: not known.
  int32_t major = 0;

  uint64_t major_version = 0;     ///< Abstract_VM_Version::_vm_major_version, int
  uint64_t code_heaps = 0;        ///< CodeCache::_heaps, a GrowableArray<CodeHeap*>*
  uint64_t interpreter_code = 0;  ///< AbstractInterpreter::_code, a StubQueue*
  uint64_t entry_return = 0;      ///< StubRoutines::_call_stub_return_address

  uint32_t array_length = 0, array_elements = 0;  ///< of a GrowableArray
  uint32_t heap_memory = 0, heap_segments = 0;    ///< of a CodeHeap: two VirtualSpaces
  uint32_t heap_segment_log2 = 0;
  uint32_t space_low = 0, space_low_boundary = 0, space_high_boundary = 0;  ///< of a VirtualSpace
  uint32_t queue_buffer = 0, queue_bytes = 0;                               ///< of a StubQueue
  uint32_t block_bytes = 0;                                                 ///< sizeof(HeapBlock)

  uint32_t blob_name = 0, blob_frame_size = 0, blob_frame_complete = 0;  ///< of a CodeBlob
  uint32_t blob_code_begin = 0;                                          ///< a pointer, or 0
  uint32_t blob_code_offset = 0;          ///< an int, or 0: one of these two
  bool frame_complete_is_narrow = false;  ///< int16_t, else int

  uint32_t nmethod_bytes = 0;
  uint32_t nmethod_method = 0, nmethod_compile_id = 0;
  /// What tells of inlined methods; all or 0. Ends of ranges are where the next one begins.
  uint32_t scopes_pcs_offset = 0;    ///< int
  uint32_t scopes_data_begin = 0;    ///< a pointer, or 0
  uint32_t dependencies_offset = 0;  ///< int, or 0: the end of the PcDescs
  uint32_t metadata_offset = 0;      ///< int, or 0
  uint32_t immutable_data = 0, immutable_bytes = 0, scopes_data_offset = 0;  ///< from 23 on, or 0
  uint32_t mutable_data = 0, mutable_bytes = 0, relocation_bytes = 0;        ///< from 25 on, or 0

  uint32_t method_const = 0;     ///< Method::_constMethod
  uint32_t const_pool = 0;       ///< ConstMethod::_constants
  uint32_t const_bytes = 0;      ///< sizeof(ConstMethod): where its bytecodes begin
  uint32_t const_all_bytes = 0;  ///< _constMethod_size, int, in words
  uint32_t const_flags = 0;      ///< bit 0: it has line numbers
  uint32_t const_code_bytes = 0, const_name = 0;  ///< two bytes each
  uint32_t pool_bytes = 0;                        ///< sizeof(ConstantPool): where its entries begin
  uint32_t pool_holder = 0, pool_length = 0;
  uint32_t pool_file = 0;   ///< two bytes, or 0
  uint32_t klass_file = 0;  ///< the same before 17, or 0
  uint32_t klass_name = 0;
  uint32_t symbol_length = 0, symbol_body = 0;
};

/// What one entry of a table has; what comes behind its last one is not looked at.
inline constexpr size_t kVmStructBytes = 48;
inline constexpr size_t kVmTypeBytes = 40;

/// The text at an address of the process; nullopt: none. At most 64 characters of it.
using VmTextAt = std::function<std::optional<std::string>(uint64_t address)>;

/// `structs`, `types`: what the tables hold, up to an entry without a name or the end. `bias`: of
/// libjvm.so. nullopt: something that is needed is not there, or cannot be.
[[nodiscard]] std::optional<HotspotLayout> read_vm_structs(base::Bytes structs, base::Bytes types,
                                                           const VmTextAt& text_at, uint64_t bias);

}  // namespace hostlens::symbols
