// SPDX-License-Identifier: Apache-2.0
// The kernel's unwinder over any tables, registers and stack: it ends, keeps its limits, and reads
// nothing but what it was given (the sanitizer sees the rest).
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "decoders/profile_decoder.h"
#include "symbols/unwind/late_unwinder.h"

namespace {

using namespace hostlens;

/// Words of two slabs that lie in the input; the rest of each is missing.
class Memory final : public symbols::UnwindMemory {
 public:
  explicit Memory(base::Bytes bytes) : words_(bytes.size() / sizeof(unwind_word)) {
    if (!words_.empty()) std::memcpy(words_.data(), bytes.data(), words_.size() * 8);
    for (uint32_t i = 0; i < executables_.size(); ++i) executables_[i] = {i * 7, i, i * 3, 0};
  }
  [[nodiscard]] const unwind_word* word(uint32_t index) const override {
    ++reads;
    return index < words_.size() ? &words_[index] : nullptr;
  }
  [[nodiscard]] unwind_executable* executable(uint32_t number) const override {
    return number < executables_.size() ? &executables_[number] : nullptr;
  }
  [[nodiscard]] bool read(void* to, uint32_t bytes, uint64_t from) const override {
    const uint64_t all = words_.size() * sizeof(unwind_word);
    if (bytes > all) return false;
    std::memcpy(to, reinterpret_cast<const char*>(words_.data()) + from % (all - bytes + 1), bytes);
    return true;
  }
  mutable uint64_t reads = 0;

 private:
  std::vector<unwind_word> words_;
  mutable std::vector<unwind_executable> executables_{8};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  symbols::UnwindInput input;
  base::ByteReader reader({reinterpret_cast<const std::byte*>(bytes), size});
  const auto first = reader.read<uint32_t>();
  const auto count = reader.read<uint16_t>();
  const auto flags = reader.read<uint16_t>();
  const auto pc = reader.read<uint64_t>();
  const auto registers = reader.read<std::array<uint64_t, 16>>();
  const auto stack_start = reader.read<uint64_t>();
  const auto stack_words = reader.read<uint8_t>();
  if (!stack_words) return 0;
  const auto stack = reader.read_bytes(std::min<size_t>(*stack_words * 8U, reader.remaining()));
  input.space = {*first, *count, *flags, {}};
  input.pc = *pc;
  input.registers = *registers;
  input.stack_start = *stack_start;
  input.stack = *stack;
  // A JVM whose every word is in the input.
  if ((*flags & UNWIND_SPACE_HOTSPOT) != 0) input.hotspot = reader.read<hotspot_space>();
  const Memory memory(*reader.read_bytes(reader.remaining()));
  const symbols::UnwindOutput output = symbols::unwind_late(memory, input);
  // Two searches, a mapping, a page and a row per step.
  constexpr uint64_t kMostReads = (UNWIND_FRAMES_MAX + 1) * (2 * (UNWIND_SEARCH_STEPS + 1) + 8);
  if (output.v8_functions.size() > output.frames.size() ||
      output.frames.size() > 2 * UNWIND_FRAMES_MAX || memory.reads > kMostReads ||
      output.outcome >= PROFILE_OUTCOME_COUNT) {
    std::abort();
  }
  return 0;
}
