// SPDX-License-Identifier: Apache-2.0
// Memory of a process that says it runs V8: functions, scopes, strings, scripts of any bytes, and
// what a file tells of where they are.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

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
  return layout;
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
  symbols::V8MapTypes types;
  symbols::V8Heap heap(memory, {1, 1}, layout, types);
  if (const auto text = heap.string(pointer, kMost)) check(text->size() <= 4 * kMost);
  return 0;
}
