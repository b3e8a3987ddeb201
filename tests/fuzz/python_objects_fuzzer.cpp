// SPDX-License-Identifier: Apache-2.0
// Memory of a process that says it runs Python: code objects, strings, line tables of any bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "symbols/python/code_object.h"
#include "symbols/python/line_table.h"
#include "symbols/python/python_names.h"

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint32_t kMost = 64;
  if (size < 4) return 0;
  const auto version = static_cast<python_version>(data[0] % PYTHON_VERSION_COUNT);
  const uint32_t first_line = data[1];
  const auto offset = static_cast<int32_t>(data[2] | data[3] << 8) - 16;
  const base::Bytes object(reinterpret_cast<const std::byte*>(data) + 4, size - 4);
  check(symbols::python_line(version, object, first_line, offset) <= INT32_MAX);
  if (const auto text = symbols::parse_python_str(version, object, kMost)) {
    check(text->size() <= 4 * kMost);
    check(*symbols::python_str_bytes(version, object, kMost) <= object.size());
  }
  if (const auto bytes = symbols::parse_python_bytes(object)) check(bytes->size() < object.size());
  const auto head = symbols::parse_python_code(version, object);
  if (!head) return 0;
  InputMemory memory(object);
  symbols::PythonNames names(memory);
  const auto frame = names.name({1, 1}, version, {0, offset, head->check, true}, 0);
  check(frame.function == nullptr || !frame.function->name.empty());
  return 0;
}
