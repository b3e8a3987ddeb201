// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_code.h"

#include <algorithm>

namespace hostlens::symbols {
namespace {

constexpr uint64_t kWord = 8;
constexpr uint64_t kPage = 4096;
/// Instructions begin at multiples of it (kCodeAlignment, of which some builds have twice as much).
constexpr uint64_t kAlignment = 32;
constexpr uint32_t kHeadBytes = 64;
/// User addresses of x86-64 with four levels of tables; V8's heap is below.
constexpr uint64_t kMostAddress = 1ULL << 47U;
constexpr uint32_t kMostTableBytes = 128 << 10;
constexpr uint32_t kMostFunctions = 2048;
constexpr int kMostCandidates = 8;

bool is_pointer(uint64_t word) {
  return is_v8_object(word) && word >= kPage && word < kMostAddress;
}

bool is_one_of(const std::vector<uint16_t>& types, uint16_t type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

/// Whole, however many reads it takes.
std::optional<std::vector<std::byte>> read_all(V8Heap& heap, uint64_t address, uint32_t bytes) {
  std::vector<std::byte> all;
  all.reserve(bytes);
  while (all.size() < bytes) {
    const auto want = std::min<uint32_t>(bytes - static_cast<uint32_t>(all.size()),
                                         kernel::ProcessMemory::kMostBytes);
    const auto piece = heap.read(address + all.size(), want);
    if (!piece || piece->size() < want) return std::nullopt;
    all.insert(all.end(), piece->begin(), piece->end());
  }
  return all;
}

struct Array {
  uint64_t data = 0;  ///< address
  uint32_t length = 0;
};

std::optional<V8Object> array_object(V8Heap& heap, uint64_t pointer) {
  return heap.object(pointer, heap.layout().code->array_length + uint32_t{kWord});
}

std::optional<Array> array_of(const V8CodeLayout& layout, const V8Object& object,
                              const std::vector<uint16_t>& types) {
  if (!is_one_of(types, object.type)) return std::nullopt;
  const auto word = object.word(layout.array_length);
  const auto length = word ? v8_smi(*word) : std::nullopt;
  if (!length || *length < 0) return std::nullopt;
  return Array{object.pointer - V8_HEAP_OBJECT_TAG + layout.array_data,
               static_cast<uint32_t>(*length)};
}

std::optional<std::vector<std::byte>> bytes_of(V8Heap& heap, uint64_t pointer) {
  const V8CodeLayout& layout = *heap.layout().code;
  const auto object = array_object(heap, pointer);
  const auto array = object ? array_of(layout, *object, layout.byte_arrays) : std::nullopt;
  if (!array || array->length > kMostTableBytes) return std::nullopt;
  return read_all(heap, array->data, array->length);
}

std::optional<std::vector<uint64_t>> words_of(V8Heap& heap, uint64_t address, uint32_t count) {
  const auto bytes = read_all(heap, address, count * uint32_t{kWord});
  if (!bytes) return std::nullopt;
  std::vector<uint64_t> words(count);
  std::memcpy(words.data(), bytes->data(), bytes->size());
  return words;
}

/// In what was read from `start` on: the last head before `address` that may be one. Its first two
/// words are pointers: a map, and a Code or what relocates it.
std::optional<V8CodeHead> head_in(V8Heap& heap, const std::vector<std::byte>& bytes, uint64_t start,
                                  uint64_t address, int& candidates) {
  const uint64_t head = heap.layout().code->stream_start;
  uint64_t begin =
      std::min(address, start + bytes.size() - 2 * kWord + head) / kAlignment * kAlignment;
  for (; begin >= start + head && candidates < kMostCandidates; begin -= kAlignment) {
    std::array<uint64_t, 2> words{};
    std::memcpy(words.data(), bytes.data() + (begin - head - start), sizeof words);
    if (!is_pointer(words[0]) || !is_pointer(words[1])) continue;
    ++candidates;
    auto found = read_v8_code_head(heap, begin);
    if (found) return found;
  }
  return std::nullopt;
}

/// The pointer to what was compiled: a SharedFunctionInfo, from V8 13 or so on in a wrapper.
uint64_t shared_of(V8Heap& heap, uint64_t pointer) {
  for (int i = 0; i < 2; ++i) {
    const auto object = heap.object(pointer, 2 * kWord);
    if (!object) return 0;
    if (object->type == heap.layout().shared_type) return pointer;
    pointer = object->word(kWord).value_or(0);
  }
  return 0;
}

/// Seven bits each, the lowest first; zigzag.
std::optional<int64_t> read_number(base::ByteReader& reader) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = reader.read<uint8_t>();
    if (!byte) return std::nullopt;
    value |= uint64_t{*byte & 0x7FU} << shift;
    if ((*byte & 0x80U) == 0) {
      return static_cast<int64_t>((value >> 1U) ^ (~(value & 1U) + 1));
    }
  }
  return std::nullopt;
}

/// SourcePosition: a bit, 30 of the place in the source, and 16 of the inlining's number plus one.
int32_t inlining_of(uint64_t position) {
  return static_cast<int32_t>((position >> 31U) & 0xFFFFU) - 1;
}

}  // namespace

std::vector<uint32_t> V8Code::functions_at(uint32_t offset) const {
  std::vector<uint32_t> found;
  const auto next =
      std::upper_bound(places.begin(), places.end(), offset,
                       [](uint32_t wanted, const Place& place) { return wanted < place.offset; });
  if (next == places.begin()) return found;
  int32_t at = std::prev(next)->inlining;
  while (at != kOuter && static_cast<size_t>(at) < inlinings.size() && found.size() < kMostDepth) {
    const Inlining& inlining = inlinings[static_cast<size_t>(at)];
    if (inlining.function >= 0 && static_cast<size_t>(inlining.function) < functions.size()) {
      found.push_back(static_cast<uint32_t>(inlining.function));
    }
    at = inlining.parent;
  }
  return found;
}

std::optional<V8CodeHead> read_v8_code_head(V8Heap& heap, uint64_t begin) {
  const V8CodeLayout& layout = *heap.layout().code;
  const uint64_t pointer = begin - layout.stream_start + V8_HEAP_OBJECT_TAG;
  const auto stream = heap.object(pointer, layout.separate ? 2 * uint32_t{kWord} : kHeadBytes);
  if (!stream || stream->type != layout.stream_type) return std::nullopt;
  std::optional<V8Object> code;
  if (layout.separate) {
    code = heap.object(stream->word(kWord).value_or(0), kHeadBytes);
    if (!code || code->word(layout.code_start) != begin) return std::nullopt;
  }
  const V8Object& object = layout.separate ? *code : *stream;
  const auto size = object.half(layout.code_size);
  const auto deoptimization = object.word(layout.deoptimization);
  const auto positions = object.word(layout.positions);
  if (!size || *size <= 0 || !deoptimization || !positions) return std::nullopt;
  V8CodeHead head{begin, static_cast<uint64_t>(*size), *deoptimization, *positions, {}};
  head.words = {object.pointer, *deoptimization, *positions, head.size};
  return head;
}

std::optional<V8CodeHead> find_v8_code(V8Heap& heap, uint64_t address) {
  constexpr uint64_t kMostPiece = 8 * kPage;
  if (address < kMostCodeBytes || address >= kMostAddress) return std::nullopt;
  uint64_t end = address;
  uint64_t start = address / kPage * kPage;
  if (end - start < 2 * kWord) start -= kPage;
  uint64_t piece = kPage;
  int candidates = 0;
  while (candidates < kMostCandidates && address - start <= kMostCodeBytes) {
    const auto bytes = heap.read(start, static_cast<uint32_t>(end - start));
    if (bytes && bytes->size() == end - start) {
      const auto head = head_in(heap, *bytes, start, address, candidates);
      if (head) return address - head->begin < head->size ? head : std::nullopt;
      end = start;
      piece = std::min(2 * piece, kMostPiece);
    } else if (end - start <= kPage) {
      return std::nullopt;
    } else {
      // It may begin in what lies before the code and is not to be read.
      piece = kPage;
    }
    start = end - piece;
  }
  return std::nullopt;
}

std::optional<std::vector<V8Code::Place>> read_v8_positions(base::Bytes table, uint64_t size) {
  std::vector<V8Code::Place> places;
  base::ByteReader reader(table);
  uint64_t offset = 0;
  uint64_t position = 0;
  while (reader.remaining() > 0) {
    const auto step = read_number(reader);
    const auto change = read_number(reader);
    if (!step || !change) return std::nullopt;
    // What is no statement is below zero, by one more than the step.
    offset += static_cast<uint64_t>(*step >= 0 ? *step : ~*step);
    position += static_cast<uint64_t>(*change);
    if (offset > size) return std::nullopt;
    const V8Code::Place place{static_cast<uint32_t>(offset), inlining_of(position)};
    if (!places.empty() && places.back().offset == place.offset) places.pop_back();
    if (places.empty() || places.back().inlining != place.inlining) places.push_back(place);
  }
  return places;
}

std::optional<std::vector<V8Code::Inlining>> read_v8_inlinings(base::Bytes table) {
  std::vector<V8Code::Inlining> inlinings;
  base::ByteReader reader(table);
  constexpr size_t kEntry = 16;
  while (reader.remaining() >= kEntry) {
    const auto position = reader.read<uint64_t>();
    const auto function = reader.read<int32_t>();
    (void)reader.read<uint32_t>();  // nothing: the words are aligned
    const int32_t parent = inlining_of(*position);
    if (parent >= static_cast<int32_t>(inlinings.size())) return std::nullopt;
    inlinings.push_back({parent, *function});
  }
  return inlinings;
}

V8CodeReading read_v8_code(V8Heap& heap, V8Code& code) {
  const V8CodeLayout& layout = *heap.layout().code;
  const auto object = array_object(heap, code.head.deoptimization);
  if (!object) return V8CodeReading::kGone;
  // Baseline code has its bytecode there.
  const auto data = array_of(layout, *object, layout.word_arrays);
  const uint32_t wanted =
      1U + std::max({layout.literals, layout.inlined_functions, layout.shared, layout.inlinings});
  if (!data || data->length < wanted) return V8CodeReading::kPlain;
  const auto words = words_of(heap, data->data, wanted);
  if (!words) return V8CodeReading::kGone;
  const auto count = v8_smi((*words)[layout.inlined_functions]);
  if (!count || *count < 0 || static_cast<uint32_t>(*count) > kMostFunctions) {
    return V8CodeReading::kBroken;
  }
  code.shared = shared_of(heap, (*words)[layout.shared]);
  if (code.shared == 0) return V8CodeReading::kBroken;
  if (*count == 0) return V8CodeReading::kRead;
  const auto list = array_object(heap, (*words)[layout.literals]);
  const auto literals = list ? array_of(layout, *list, layout.word_arrays) : std::nullopt;
  const auto inlinings = bytes_of(heap, (*words)[layout.inlinings]);
  const auto positions = bytes_of(heap, code.head.positions);
  if (!literals || !inlinings || !positions) return V8CodeReading::kGone;
  if (literals->length < static_cast<uint32_t>(*count)) return V8CodeReading::kBroken;
  auto functions = words_of(heap, literals->data, static_cast<uint32_t>(*count));
  auto inlined = read_v8_inlinings(*inlinings);
  auto places = read_v8_positions(*positions, code.head.size);
  if (!functions) return V8CodeReading::kGone;
  if (!inlined || !places) return V8CodeReading::kBroken;
  // A weak reference has another bit, and nothing else when its object was collected.
  constexpr uint64_t kWeak = 2;
  for (uint64_t& function : *functions) {
    function &= ~kWeak;
    if (!is_pointer(function)) function = 0;
  }
  code.functions = *std::move(functions);
  code.inlinings = *std::move(inlined);
  code.places = *std::move(places);
  return V8CodeReading::kRead;
}

}  // namespace hostlens::symbols
