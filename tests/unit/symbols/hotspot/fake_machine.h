// SPDX-License-Identifier: Apache-2.0
// Memory of a process that is written word by word.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <vector>

#include "kernel/process_memory.h"
#include "symbols/hotspot/vm_structs.h"

namespace hostlens::symbols {

inline constexpr model::ProcessKey kProcess{7, 100};

/// What was not written reads as nothing.
class FakeMachine final : public kernel::ProcessMemory {
 public:
  base::Result<std::vector<std::byte>> read_memory(model::ProcessKey process, uint64_t address,
                                                   uint32_t bytes) override {
    ++reads;
    std::vector<std::byte> found;
    for (uint64_t at = address; found.size() < bytes; ++at) {
      const auto byte = bytes_.find(at);
      if (byte == bytes_.end()) break;
      found.push_back(byte->second);
    }
    if (found.empty() || process != kProcess) return base::errno_error("read", ENOENT);
    return found;
  }
  template <typename T>
  void put(uint64_t address, const T& value) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&value);
    for (size_t i = 0; i < sizeof value; ++i) bytes_[address + i] = bytes[i];
  }
  void put_bytes(uint64_t address, std::initializer_list<int> values) {
    for (const int value : values) bytes_[address++] = static_cast<std::byte>(value);
  }
  void put_text(uint64_t address, std::string_view text) {
    for (const char c : text) bytes_[address++] = static_cast<std::byte>(c);
    bytes_[address] = std::byte{0};
  }
  void zero(uint64_t address, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) bytes_[address + i] = std::byte{0};
  }
  size_t reads = 0;

 private:
  std::map<uint64_t, std::byte> bytes_;
};

/// Nothing of it is as in a real one but that fields do not overlap.
inline HotspotLayout fake_layout() {
  HotspotLayout layout;
  layout.major = 17;
  layout.blob_name = 8;
  layout.blob_frame_size = 16;
  layout.blob_frame_complete = 20;
  layout.blob_code_begin = 24;
  layout.nmethod_bytes = 128;
  layout.nmethod_method = 32;
  layout.nmethod_compile_id = 40;
  layout.scopes_pcs_offset = 44;
  layout.scopes_data_begin = 48;
  layout.dependencies_offset = 56;
  layout.metadata_offset = 60;
  layout.method_const = 8;
  layout.const_pool = 8;
  layout.const_bytes = 48;
  layout.const_all_bytes = 24;
  layout.const_flags = 28;
  layout.const_code_bytes = 32;
  layout.const_name = 34;
  layout.pool_bytes = 64;
  layout.pool_holder = 24;
  layout.pool_length = 60;
  layout.pool_file = 54;
  layout.klass_name = 24;
  layout.symbol_length = 4;
  layout.symbol_body = 6;
  return layout;
}

/// A Method at `address` with all that is behind it, up to `address` + 0x800. Its bytecodes are
/// `code_bytes`, then `lines`.
inline void put_method(FakeMachine& machine, uint64_t address, std::string_view klass,
                       std::string_view name, std::string_view file,
                       std::initializer_list<int> lines = {}) {
  constexpr uint16_t kCodeBytes = 16;
  const HotspotLayout layout = fake_layout();
  const uint64_t code = address + 0x100;
  const uint64_t pool = address + 0x300;
  const uint64_t holder = address + 0x400;
  const auto symbol = [&](uint64_t at, std::string_view text) {
    machine.zero(at, 8);
    machine.put(at + layout.symbol_length, static_cast<uint16_t>(text.size()));
    machine.put_text(at + layout.symbol_body, text);
  };
  machine.zero(address, 64);
  machine.put(address + layout.method_const, code);
  machine.zero(code, 0x200);
  machine.put(code + layout.const_pool, pool);
  machine.put(code + layout.const_all_bytes,
              static_cast<uint32_t>((layout.const_bytes + kCodeBytes + lines.size() + 7) / 8));
  machine.put(code + layout.const_flags, static_cast<uint16_t>(lines.size() != 0 ? 1 : 0));
  machine.put(code + layout.const_code_bytes, kCodeBytes);
  machine.put(code + layout.const_name, uint16_t{2});
  machine.put_bytes(code + layout.const_bytes + kCodeBytes, lines);
  machine.zero(pool, 0x100);
  machine.put(pool + layout.pool_holder, holder);
  machine.put(pool + layout.pool_length, uint32_t{5});
  machine.put(pool + layout.pool_file, static_cast<uint16_t>(file.empty() ? 0 : 3));
  machine.put(pool + layout.pool_bytes + 2 * 8, address + 0x500);
  machine.put(pool + layout.pool_bytes + 3 * 8, address + 0x600);
  machine.zero(holder, 64);
  machine.put(holder + layout.klass_name, address + 0x700);
  symbol(address + 0x500, name);
  symbol(address + 0x600, file);
  symbol(address + 0x700, klass);
}

}  // namespace hostlens::symbols
