// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/late_unwinder.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace hostlens::symbols {
namespace {

/// Of a thread: what lies so far above is something else.
constexpr uint64_t kMostStackBytes = 64 << 20;

/// What the kernel's source asks for by names of its own.
struct Walk {
  const UnwindMemory* memory = nullptr;
  const UnwindInput* input = nullptr;
  bool beyond_copy = false;
};
thread_local Walk walk;

const unwind_word* unwind__word(uint32_t index) { return walk.memory->word(index); }

unwind_executable* unwind__executable(uint32_t number) { return walk.memory->executable(number); }

int unwind__read(void* to, uint32_t bytes, uint64_t from) {
  const UnwindInput& input = *walk.input;
  const uint64_t offset = from - input.stack_start;
  if (offset > input.stack.size() || input.stack.size() - offset < bytes) {
    // Of the stack nothing but the copy counts: it has been written to since.
    if (input.hotspot && offset >= kMostStackBytes) {
      return walk.memory->read(to, bytes, from) ? 0 : 1;
    }
    walk.beyond_copy = from >= input.stack_start;
    return 1;
  }
  std::memcpy(to, input.stack.data() + offset, bytes);
  return 0;
}

#define UNWIND_FUNCTION static
#define UNWIND_INLINE static inline
#include "lib/unwind.bpf.h"

}  // namespace

UnwindOutput unwind_late(const UnwindMemory& memory, const UnwindInput& input) {
  walk = {&memory, &input, false};
  auto state = std::make_unique<unwind_state>();
  std::copy(input.registers.begin(), input.registers.end(), state->registers);
  state->space_first = input.space.first;
  state->space_count = input.space.count;
  state->space_flags = static_cast<uint8_t>(input.space.flags);
  if (input.hotspot) {
    state->hotspot = *input.hotspot;
  } else {
    state->space_flags &= static_cast<uint8_t>(~UNWIND_SPACE_HOTSPOT);
  }
  state->now_s = static_cast<uint32_t>(input.now_ns / 1'000'000'000);
  unwind__begin(state.get(), input.pc);
  for (int i = 0; i <= UNWIND_FRAMES_MAX && unwind__step(state.get()) != 0; ++i) {
  }
  UnwindOutput output;
  output.outcome = static_cast<profile_outcome>(state->record.outcome);
  if (output.outcome == PROFILE_MEMORY_FAULT && walk.beyond_copy) {
    output.outcome = PROFILE_TRUNCATED;
  }
  output.guessed = (state->record.flags & PROFILE_SAMPLE_GUESSED) != 0;
  output.frames.assign(state->frames, state->frames + state->frames_count);
  output.v8_functions.assign(state->v8_functions, state->v8_functions + state->v8_count);
  return output;
}

}  // namespace hostlens::symbols
