// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_heap.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "base/utf8.h"

namespace hostlens::symbols {
namespace {

/// Most names of functions and files are within: one read instead of two.
constexpr uint32_t kStringBytes = 192;
/// String::kMaxLength is 2^29 - 24 or less.
constexpr int32_t kMostLength = 1 << 29;
constexpr size_t kMostPieces = 32;
constexpr uint32_t kReplacement = 0xfffd;

template <typename T>
std::optional<T> at(const std::vector<std::byte>& bytes, size_t offset) {
  if (offset > bytes.size()) return std::nullopt;
  return base::ByteReader(base::Bytes(bytes).subspan(offset)).read<T>();
}

std::string text_of(const std::vector<uint16_t>& units) {
  std::string text;
  for (size_t i = 0; i < units.size(); ++i) {
    uint32_t character = units[i];
    const bool high = character >= 0xd800 && character < 0xdc00;
    if (high && i + 1 < units.size() && units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000) {
      character = 0x10000 + ((character - 0xd800) << 10U) + (units[++i] - 0xdc00U);
    }
    const bool surrogate = character >= 0xd800 && character < 0xe000;
    const bool control = character < 0x20 || character == 0x7f;
    base::append_utf8(text, surrogate || control ? kReplacement : character);
  }
  return text;
}

}  // namespace

size_t V8MapTypes::KeyHash::operator()(const Key& key) const {
  return base::mix(base::mix(key.process.pid, key.process.start_ticks), key.map);
}

std::optional<uint16_t> V8MapTypes::find(const model::ProcessKey& process, uint64_t map) const {
  const auto found = types_.find({process, map});
  return found == types_.end() ? std::nullopt : std::optional(found->second);
}

void V8MapTypes::add(const model::ProcessKey& process, uint64_t map, uint16_t type) {
  if (types_.size() >= kMost) types_.clear();
  types_[{process, map}] = type;
}

std::optional<uint64_t> V8Object::word(size_t offset) const { return at<uint64_t>(bytes, offset); }
std::optional<int32_t> V8Object::half(size_t offset) const { return at<int32_t>(bytes, offset); }

std::optional<std::vector<std::byte>> V8Heap::read(uint64_t address, uint32_t bytes) {
  if (reads_ >= kMostReads || bytes > kernel::ProcessMemory::kMostBytes) return std::nullopt;
  ++reads_;
  auto memory = memory_.read_memory(process_, address, bytes);
  if (!memory) return std::nullopt;
  return *std::move(memory);
}

std::optional<V8Object> V8Heap::object(uint64_t pointer, uint32_t bytes) {
  if (!is_v8_object(pointer)) return std::nullopt;
  auto memory = read(pointer - V8_HEAP_OBJECT_TAG, bytes);
  const auto map = memory ? at<uint64_t>(*memory, 0) : std::nullopt;
  if (!map || !is_v8_object(*map)) return std::nullopt;
  auto type = types_.find(process_, *map);
  if (!type) {
    const auto read_type = read(*map - V8_HEAP_OBJECT_TAG + layout_.map_type, sizeof(uint16_t));
    type = read_type ? at<uint16_t>(*read_type, 0) : std::nullopt;
    if (!type) return std::nullopt;
    types_.add(process_, *map, *type);
  }
  return V8Object{pointer, *type, *std::move(memory)};
}

std::optional<uint32_t> V8Heap::width_of(uint16_t type) const {
  if ((type & layout_.string_form) != layout_.form_sequential) return std::nullopt;
  return (type & layout_.string_encoding) == layout_.one_byte ? 1 : 2;
}

bool V8Heap::add_units(const V8Object& string, const Piece& piece, uint32_t width,
                       std::vector<uint16_t>& units) {
  const size_t start = (width == 1 ? layout_.one_byte_characters : layout_.two_byte_characters) +
                       uint64_t{piece.from} * width;
  const uint64_t bytes = uint64_t{piece.count} * width;
  std::optional<std::vector<std::byte>> more;
  base::Bytes from;
  if (start + bytes <= string.bytes.size()) {
    from = base::Bytes(string.bytes).subspan(start, bytes);
  } else {
    more = read(string.pointer - V8_HEAP_OBJECT_TAG + start, static_cast<uint32_t>(bytes));
    if (!more || more->size() < bytes) return false;
    from = *more;
  }
  for (size_t i = 0; i < piece.count; ++i) {
    uint16_t unit = 0;
    std::memcpy(&unit, from.data() + i * width, width);
    units.push_back(unit);
  }
  return true;
}

bool V8Heap::add_piece(const Piece& piece, std::vector<Piece>& rest, std::vector<uint16_t>& units) {
  const auto string = object(piece.pointer, kStringBytes);
  if (!string || !is_string(string->type)) return false;
  const auto length = string->half(layout_.string_length);
  if (!length || *length < 0 || *length > kMostLength) return false;
  if (piece.from >= static_cast<uint32_t>(*length)) return true;
  const uint32_t count = std::min(piece.count, static_cast<uint32_t>(*length) - piece.from);
  if (const auto width = width_of(string->type)) {
    return add_units(*string, {piece.pointer, piece.from, count}, *width, units);
  }
  const uint16_t form = string->type & layout_.string_form;
  if (form == layout_.form_thin) {
    const auto actual = string->word(layout_.thin_actual);
    if (actual) rest.push_back({*actual, piece.from, count});
    return actual.has_value();
  }
  if (form == layout_.form_sliced) {
    const auto parent = string->word(layout_.sliced_parent);
    const auto word = string->word(layout_.sliced_offset);
    const auto offset = word ? v8_smi(*word) : std::nullopt;
    if (!parent || !offset || *offset < 0 || *offset > kMostLength) return false;
    rest.push_back({*parent, piece.from + static_cast<uint32_t>(*offset), count});
    return true;
  }
  if (form != layout_.form_cons) return false;  // external
  const auto first = string->word(layout_.cons_first);
  const auto second = string->word(layout_.cons_second);
  const auto head = first ? object(*first, kStringBytes) : std::nullopt;
  const auto split = head ? head->half(layout_.string_length) : std::nullopt;
  if (!second || !split || *split < 0 || *split > kMostLength) return false;
  const auto boundary = static_cast<uint32_t>(*split);
  const uint32_t of_first = piece.from < boundary ? std::min(count, boundary - piece.from) : 0;
  // The last one is taken first.
  if (of_first < count) {
    rest.push_back({*second, std::max(piece.from, boundary) - boundary, count - of_first});
  }
  if (of_first > 0) rest.push_back({*first, piece.from, of_first});
  return true;
}

std::optional<std::string> V8Heap::string(uint64_t pointer, uint32_t most) {
  std::vector<uint16_t> units;
  std::vector<Piece> rest{{pointer, 0, most}};
  for (size_t pieces = 0; !rest.empty(); ++pieces) {
    const Piece piece = rest.back();
    rest.pop_back();
    if (pieces >= kMostPieces || !add_piece(piece, rest, units)) return std::nullopt;
  }
  return text_of(units);
}

std::optional<V8Flat> V8Heap::flat(uint64_t pointer) {
  /// A flattened string is the first half of one whose second half is empty.
  constexpr int kMostSteps = 4;
  std::optional<int32_t> whole;
  for (int i = 0; i < kMostSteps; ++i) {
    const auto string = object(pointer, kStringBytes);
    if (!string || !is_string(string->type)) return std::nullopt;
    const auto length = string->half(layout_.string_length);
    if (!length || *length < 0 || *length > kMostLength) return std::nullopt;
    if (whole && *whole != *length) return std::nullopt;
    whole = length;
    if (const auto width = width_of(string->type)) {
      const size_t start = *width == 1 ? layout_.one_byte_characters : layout_.two_byte_characters;
      return V8Flat{pointer - V8_HEAP_OBJECT_TAG + start, *width, static_cast<uint32_t>(*length)};
    }
    const uint16_t form = string->type & layout_.string_form;
    const auto next = form == layout_.form_thin   ? string->word(layout_.thin_actual)
                      : form == layout_.form_cons ? string->word(layout_.cons_first)
                                                  : std::nullopt;
    if (!next) return std::nullopt;
    pointer = *next;
  }
  return std::nullopt;
}

}  // namespace hostlens::symbols
