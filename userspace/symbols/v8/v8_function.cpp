// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_function.h"

#include <algorithm>
#include <array>

namespace hostlens::symbols {
namespace {

constexpr size_t kWord = 8;
/// A ScopeInfo of a few locals is within.
constexpr uint32_t kScopeBytes = 256;
/// Where there are more, their names are in a table of their own (kScopeInfoMaxInlinedLocalNames).
constexpr int32_t kMostInlinedLocals = 75;
constexpr int32_t kMostLocals = 1 << 20;
/// Behind the locals: a word of the class, the name and its slot, the inferred name, both
/// positions, and one more where a module's number of variables is before them.
constexpr size_t kSlots = 8;

using Slots = std::array<uint64_t, kSlots>;

/// The words behind what the locals take. Missing ones are 0.
std::optional<Slots> slots_of(V8Heap& heap, V8Object& scope, bool table, int32_t locals) {
  const size_t names = table ? 1 : static_cast<size_t>(locals);
  const size_t begin =
      kWord * (1 + heap.layout().scope_variables + names + static_cast<size_t>(locals));
  size_t from = begin;
  std::vector<std::byte>* bytes = &scope.bytes;
  std::optional<std::vector<std::byte>> more;
  if (begin + kSlots * kWord > scope.bytes.size()) {
    more = heap.read(scope.pointer - V8_HEAP_OBJECT_TAG + begin, kSlots * kWord);
    if (!more) return std::nullopt;
    bytes = &*more;
    from = 0;
  }
  Slots slots{};
  for (size_t i = 0; i < kSlots && from + (i + 1) * kWord <= bytes->size(); ++i) {
    std::memcpy(&slots[i], bytes->data() + from + i * kWord, kWord);
  }
  return slots;
}

/// The first text among them that is not empty: the name, else the inferred name. What is behind
/// both is no string.
std::string name_in(V8Heap& heap, const Slots& slots, uint32_t most) {
  for (const uint64_t slot : slots) {
    if (!is_v8_object(slot)) continue;
    auto text = heap.string(slot, most);
    if (!text || !text->empty()) return text.value_or(std::string());
  }
  return {};
}

/// Of a function: the first two small integers behind each other that are a range. A name that is
/// not there is 0, and its slot then -1.
std::optional<int32_t> start_in(const Slots& slots) {
  for (size_t i = 0; i + 1 < slots.size(); ++i) {
    const auto start = v8_smi(slots[i]);
    const auto end = v8_smi(slots[i + 1]);
    if (start && end && *start >= 0 && *start < *end) return start;
  }
  return std::nullopt;
}

bool read_scope(V8Heap& heap, V8Object& scope, uint32_t most, V8Function& function) {
  /// From V8 12 or so on the positions are before what varies, at this word and the next.
  constexpr uint16_t kPosition = 3;
  const V8Layout& layout = heap.layout();
  const auto word = scope.word(kWord * (1 + size_t{layout.scope_locals}));
  const auto locals = word ? v8_smi(*word) : std::nullopt;
  if (!locals || *locals < 0 || *locals > kMostLocals) return false;
  const auto slots = slots_of(heap, scope, *locals > kMostInlinedLocals, *locals);
  if (!slots) return false;
  function.name = name_in(heap, *slots, most);
  function.start = start_in(*slots);
  if (layout.scope_variables > kPosition) {
    const auto start = scope.word(kWord * (1 + size_t{kPosition}));
    function.start = start ? v8_smi(*start) : std::nullopt;
  }
  return true;
}

bool is_uncompiled(const V8Layout& layout, uint16_t type) {
  const auto& types = layout.uncompiled_types;
  return std::find(types.begin(), types.end(), type) != types.end();
}

/// Of a function whose code was thrown away, or not made yet.
void read_uncompiled(V8Heap& heap, uint64_t data, uint32_t most, V8Function& function) {
  const V8Layout& layout = heap.layout();
  const auto object = heap.object(data, 32);
  if (!object || !is_uncompiled(layout, object->type)) return;
  function.start = object->half(layout.uncompiled_start);
  const auto inferred = object->word(layout.uncompiled_name);
  if (function.name.empty() && inferred) {
    function.name = heap.string(*inferred, most).value_or(std::string());
  }
}

}  // namespace

V8Reading read_v8_function(V8Heap& heap, uint64_t shared, uint64_t name_or_scope,
                           uint32_t most_characters, V8Function& function) {
  const V8Layout& layout = heap.layout();
  const uint32_t bytes =
      std::max(layout.kernel.shared_name, layout.shared_script) + uint32_t{kWord};
  const auto object = heap.object(shared, bytes);
  if (!object) return V8Reading::kGone;
  const auto name = object->word(layout.kernel.shared_name);
  const auto script = object->word(layout.shared_script);
  if (object->type != layout.shared_type) return V8Reading::kOther;
  if (!name || !script) return V8Reading::kGone;
  if (name_or_scope != 0 && *name != name_or_scope) return V8Reading::kOther;
  function.script = *script;
  function.builtin = true;
  uint64_t data = 0;
  // Before the name: the code or what it is made from; of V8's own, numbers.
  for (size_t at = kWord; at < layout.kernel.shared_name; at += kWord) {
    const uint64_t word = object->word(at).value_or(0);
    if (!is_v8_object(word)) continue;
    function.builtin = false;
    data = data == 0 ? word : data;
  }
  if (is_v8_object(*name)) {
    auto scope = heap.object(*name, kScopeBytes);
    if (!scope) return V8Reading::kGone;
    if (heap.is_string(scope->type)) {
      auto text = heap.string(*name, most_characters);
      if (!text) return V8Reading::kBroken;
      function.name = *std::move(text);
    } else if (scope->type != layout.scope_info_type ||
               !read_scope(heap, *scope, most_characters, function)) {
      return V8Reading::kBroken;
    }
  }
  if (data != 0 && (function.name.empty() || !function.start)) {
    read_uncompiled(heap, data, most_characters, function);
  }
  return V8Reading::kRead;
}

std::optional<uint64_t> read_v8_shared(V8Heap& heap, uint64_t function) {
  const uint16_t offset = heap.layout().kernel.function_shared;
  const auto object = heap.object(function, offset + uint32_t{kWord});
  const auto shared = object ? object->word(offset) : std::nullopt;
  return shared && is_v8_object(*shared) ? shared : std::nullopt;
}

std::optional<uint64_t> read_v8_name_word(V8Heap& heap, uint64_t shared) {
  const uint16_t offset = heap.layout().kernel.shared_name;
  const auto object = heap.object(shared, offset + uint32_t{kWord});
  if (!object || object->type != heap.layout().shared_type) return std::nullopt;
  return object->word(offset);
}

}  // namespace hostlens::symbols
