// SPDX-License-Identifier: Apache-2.0
// Memory of a process that says it is a JVM: tables of fields, methods, compiled code of any bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "symbols/hotspot/hotspot_program.h"
#include "symbols/hotspot/java_names.h"

namespace {

using namespace hostlens;

/// Addresses are offsets into the input, over and over.
class InputMemory final : public kernel::ProcessMemory {
 public:
  explicit InputMemory(base::Bytes input) : input_(input) {}
  base::Result<std::vector<std::byte>> read_memory(model::ProcessKey /*process*/, uint64_t address,
                                                   uint32_t bytes) override {
    ++reads;
    const uint64_t at = address % (input_.size() + 1);
    if (at == input_.size()) return base::errno_error("read", EFAULT);
    const auto part = input_.subspan(at, std::min<size_t>(bytes, input_.size() - at));
    return std::vector<std::byte>(part.begin(), part.end());
  }
  uint64_t reads = 0;

 private:
  base::Bytes input_;
};

void check(bool good) {
  if (!good) std::abort();
}

symbols::HotspotLayout layout_of(uint8_t choice) {
  symbols::HotspotLayout layout;
  layout.major = choice % 2 == 0 ? 17 : 25;
  layout.code_heaps = 8;
  layout.interpreter_code = 16;
  layout.entry_return = 24;
  layout.array_elements = 8;
  layout.heap_segments = 24;
  layout.heap_segment_log2 = 48;
  layout.space_low = 16;
  layout.space_high_boundary = 8;
  layout.queue_buffer = 8;
  layout.queue_bytes = 16;
  layout.nmethod_bytes = 96;
  layout.nmethod_method = 8;
  layout.nmethod_compile_id = 16;
  layout.scopes_pcs_offset = 20;
  layout.scopes_data_begin = choice % 2 == 0 ? 24 : 0;
  layout.dependencies_offset = 32;
  layout.metadata_offset = 36;
  layout.immutable_data = 40;
  layout.immutable_bytes = 48;
  layout.scopes_data_offset = 52;
  layout.mutable_data = 56;
  layout.mutable_bytes = 64;
  layout.relocation_bytes = 68;
  layout.blob_code_begin = 72;
  layout.method_const = 8;
  layout.const_pool = 8;
  layout.const_bytes = 40;
  layout.const_all_bytes = 16;
  layout.const_flags = 20;
  layout.const_code_bytes = 24;
  layout.const_name = 26;
  layout.pool_bytes = 32;
  layout.pool_holder = 8;
  layout.pool_length = 16;
  layout.pool_file = 20;
  layout.klass_name = 8;
  layout.symbol_length = 0;
  layout.symbol_body = 2;
  return layout;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  base::ByteReader reader({reinterpret_cast<const std::byte*>(data), size});
  const auto choice = reader.read<uint8_t>();
  const auto place = reader.read<uint32_t>();
  const auto id = reader.read<uint32_t>();
  if (!id) return 0;
  const base::Bytes rest = *reader.read_bytes(reader.remaining());
  const size_t structs = *place % (rest.size() + 1);
  (void)symbols::read_vm_structs(
      rest.first(structs), rest.subspan(structs),
      [&](uint64_t address) -> std::optional<std::string> {
        if (address >= rest.size()) return std::nullopt;
        const char* const text = reinterpret_cast<const char*>(rest.data()) + address;
        return std::string(text, std::min<size_t>(16, rest.size() - address));
      },
      *id);
  InputMemory memory(rest);
  const model::ProcessKey process{1, 1};
  symbols::ProcessWords words(memory, process);
  const symbols::HotspotLayout layout = layout_of(*choice);
  if (const auto space = symbols::read_code_cache(layout, 0, words)) {
    check(space->interpreter_limit > space->interpreter_start);
  }
  check(symbols::java_line(rest, static_cast<int32_t>(*place), layout.major) <= 65'535);
  if (const auto code = symbols::read_compiled_code(layout, *place, *id, words)) {
    for (const auto& scope : code->scopes_at(*place % 4096)) {
      check(scope.method < code->methods.size());
    }
  }
  memory.reads = 0;
  symbols::JavaNames names(memory);
  for (const auto type : {HOTSPOT_FRAME_INTERPRETED, HOTSPOT_FRAME_COMPILED, HOTSPOT_FRAME_STUB}) {
    decoders::ProfileFrame frame{PROFILE_FRAME_JAVA, true, 0, *place};
    frame.java = type;
    frame.java_place = type == HOTSPOT_FRAME_INTERPRETED ? 4 : *place % 64;
    frame.java_check = *id;
    std::vector<model::Frame> frames;
    const bool named = names.append(process, layout, frame, 0, frames);
    check(named == !frames.empty());
    check(frames.size() <= 64);
    for (const auto& each : frames) check(each.function != nullptr && !each.function->name.empty());
  }
  check(memory.reads < 2000);
  return 0;
}
