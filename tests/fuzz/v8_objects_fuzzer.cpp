// SPDX-License-Identifier: Apache-2.0
// Memory of a process that says it runs V8: functions, scopes, strings, scripts of any bytes, what
// a file tells of where they are, and compiled code with what was inlined into it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "symbols/v8/v8_inlined.h"
#include "symbols/v8/v8_names.h"

namespace {

using namespace hostlens;

/// Pointers of such objects are offsets into the input.
class InputMemory final : public kernel::ProcessMemory {
 public:
  explicit InputMemory(base::Bytes input) : input_(input) {}
  base::Result<std::vector<std::byte>> read_memory(model::ProcessKey /*process*/, uint64_t address,
                                                   uint32_t bytes) override {
    const uint64_t at = address % (input_.size() + 1);
    if (at == input_.size()) return base::errno_error("read", EFAULT);
    const auto part = input_.subspan(at, std::min<size_t>(bytes, input_.size() - at));
    return std::vector<std::byte>(part.begin(), part.end());
  }

 private:
  base::Bytes input_;
};

void check(bool good) {
  if (!good) std::abort();
}

/// That of Node.js 20, but every instance type is what the input's first bytes say.
symbols::V8Layout layout_of(const uint8_t* types) {
  symbols::V8Layout layout;
  layout.kernel = {24, 16};
  layout.shared_script = 32;
  layout.map_type = 12;
  layout.shared_type = types[0];
  layout.scope_info_type = types[1];
  layout.script_type = types[2];
  layout.uncompiled_types = {types[3]};
  layout.uncompiled_name = 8;
  layout.uncompiled_start = 16;
  layout.script_name = 16;
  layout.script_source = 8;
  layout.scope_locals = 2;
  layout.scope_variables = types[4] % 2 == 0 ? 3 : 5;
  layout.string_not = 0xff80;
  layout.string_form = 7;
  layout.string_encoding = layout.one_byte = 8;
  layout.form_cons = 1;
  layout.form_external = 2;
  layout.form_sliced = 3;
  layout.form_thin = 5;
  layout.string_length = 12;
  layout.cons_first = layout.sliced_parent = layout.thin_actual = 16;
  layout.cons_second = layout.sliced_offset = 24;
  layout.one_byte_characters = layout.two_byte_characters = 16;
  // That of Node.js 22, or of 18.
  symbols::V8CodeLayout code;
  code.separate = types[4] % 4 < 2;
  code.stream_type = types[6];
  code.stream_start = code.separate ? 32 : 128;
  code.code_start = 40;
  code.code_size = code.separate ? 52 : 40;
  code.deoptimization = code.separate ? 8 : 16;
  code.positions = code.deoptimization + 8;
  code.inlined_functions = 1;
  code.literals = 2;
  code.shared = 6;
  code.inlinings = 7;
  code.array_length = 8;
  code.array_data = 16;
  code.word_arrays = {types[7], 175};
  code.byte_arrays = {190, 194};
  layout.code = code;
  return layout;
}

/// Code at `address`, twice: the second time from the table.
void check_code(InputMemory& memory, const symbols::V8Layout& layout, uint64_t shared,
                uint64_t address) {
  symbols::V8Inlined inlined(memory);
  const decoders::V8Frame frame{.frame = 0, .shared = shared};
  const auto first = inlined.at({1, 1}, layout, frame, address, 0);
  check(first.size() <= symbols::V8Code::kMostDepth);
  check(inlined.at({1, 1}, layout, frame, address, 1) == first);
  (void)inlined.at({1, 1}, layout, frame, address + 64, 10'000'000'000);
}

/// Both tables of code, without what leads to them.
void check_tables(base::Bytes table) {
  constexpr uint64_t kCode = 4096;
  symbols::V8Code code;
  auto places = symbols::read_v8_positions(table, kCode);
  auto inlinings = symbols::read_v8_inlinings(table);
  if (inlinings) code.inlinings = *std::move(inlinings);
  code.places = places ? *std::move(places) : std::vector<symbols::V8Code::Place>{{0, 0}};
  code.functions.resize(2);
  for (size_t i = 0; i < code.places.size(); ++i) {
    check(code.places[i].offset <= kCode);
    check(i == 0 || code.places[i].offset > code.places[i - 1].offset);
    for (const uint32_t index : code.functions_at(code.places[i].offset)) check(index < 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kHead = 8;
  constexpr uint32_t kMost = 64;
  if (size < kHead) return 0;
  const symbols::V8Layout layout = layout_of(data);
  InputMemory memory(base::Bytes(reinterpret_cast<const std::byte*>(data) + kHead, size - kHead));
  symbols::V8NamesLimits limits;
  limits.name_characters = kMost;
  symbols::V8Names names(memory, limits);
  const uint64_t pointer = uint64_t{data[5]} * 8 + 1;
  for (const bool is_function : {false, true}) {
    decoders::V8Frame frame;
    (is_function ? frame.function : frame.shared) = pointer;
    const auto& named = names.name({1, 1}, layout, frame, 0);
    check(named.function == nullptr ||
          (!named.function->name.empty() && named.function->name.size() <= 4 * kMost));
  }
  // The memory is the input over and over, and begins with a page there: far enough up for code.
  constexpr uint64_t kPages = 4096;
  const uint64_t room = kPages * (symbols::kMostCodeBytes / kPages) * (size - kHead + 1);
  check_code(memory, layout, pointer, room + uint64_t{data[size - 1]} * 4);
  check_tables(base::Bytes(reinterpret_cast<const std::byte*>(data) + kHead, size - kHead));
  symbols::V8MapTypes types;
  symbols::V8Heap heap(memory, {1, 1}, layout, types);
  if (const auto text = heap.string(pointer, kMost)) check(text->size() <= 4 * kMost);
  return 0;
}
