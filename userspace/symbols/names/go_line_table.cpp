// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/go_line_table.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace hostlens::symbols {
namespace {

constexpr uint32_t kMagic116 = 0xfffffffa;
constexpr uint32_t kMagic118 = 0xfffffff0;
constexpr uint32_t kMagic120 = 0xfffffff1;
constexpr uint32_t kMaxFunctions = 4U << 20;  // kubelet has 0.1 million
// Of one function's line program. The longest functions of real programs have some 10,000.
constexpr uint32_t kMaxSteps = 200'000;

/// LEB128 of at most 32 bits.
std::optional<uint32_t> read_varint(base::ByteReader& reader) {
  uint32_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    const auto byte = reader.read<uint8_t>();
    if (!byte) return std::nullopt;
    value |= static_cast<uint32_t>(*byte & 0x7fU) << shift;
    if ((*byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> GoLineTable::word(uint64_t at) const {
  if (at > table_.size() || table_.size() - at < sizeof(uint64_t)) return std::nullopt;
  uint64_t value = 0;
  std::memcpy(&value, table_.data() + at, sizeof value);
  return value;
}

std::optional<uint32_t> GoLineTable::half(uint64_t at) const {
  if (at > table_.size() || table_.size() - at < sizeof(uint32_t)) return std::nullopt;
  uint32_t value = 0;
  std::memcpy(&value, table_.data() + at, sizeof value);
  return value;
}

std::string_view GoLineTable::text_at(uint64_t at, uint32_t most_bytes) const {
  if (at >= table_.size()) return {};
  const auto* begin = reinterpret_cast<const char*>(table_.data() + at);
  return {begin, ::strnlen(begin, std::min<uint64_t>(table_.size() - at, most_bytes))};
}

base::Result<GoLineTable> GoLineTable::parse(std::vector<std::byte> table, uint64_t text) {
  GoLineTable result;
  result.table_ = std::move(table);
  const auto magic = result.half(0);
  if (magic != kMagic116 && magic != kMagic118 && magic != kMagic120) {
    return base::Error{base::Error::Kind::kUnsupported, 0, "Go line table: unknown version", {}};
  }
  result.layout_ = magic == kMagic116 ? Layout::kGo116 : Layout::kGo118;
  if (!result.read_header(text)) return base::invalid_error("Go line table: broken header");
  return result;
}

bool GoLineTable::read_header(uint64_t text) {
  const auto shape = half(4);  // two zeros, the quantum of instructions, the size of pointers
  if (!shape || (*shape & 0xffffU) != 0 || *shape >> 24 != sizeof(uint64_t)) return false;
  quantum_ = static_cast<uint8_t>(*shape >> 16);
  if (quantum_ != 1 && quantum_ != 2 && quantum_ != 4) return false;

  std::array<uint64_t, 8> words{};
  const size_t count = layout_ == Layout::kGo116 ? 7 : 8;
  for (size_t i = 0; i < count; ++i) {
    const auto value = word(8 + 8 * i);
    if (!value) return false;
    words[i] = *value;
  }
  // Functions, files, since 1.18 runtime.text, then offsets of the tables.
  if (words[0] == 0 || words[0] > kMaxFunctions) return false;
  functions_ = static_cast<uint32_t>(words[0]);
  size_t next = 2;
  if (layout_ == Layout::kGo118) {
    text_ = words[next] != 0 ? words[next] : text;
    ++next;
  }
  for (uint64_t* offset : {&names_at_, &units_at_, &files_at_, &programs_at_, &functions_at_}) {
    *offset = words[next++];
    if (*offset >= table_.size()) return false;
  }
  return row(functions_).has_value();
}

// A last row without a function holds the end of the text.
std::optional<GoLineTable::Row> GoLineTable::row(uint32_t index) const {
  if (layout_ == Layout::kGo116) {
    const uint64_t at = functions_at_ + uint64_t{index} * 16;
    const auto start = word(at);
    if (!start) return std::nullopt;
    return Row{.start = *start, .function = word(at + 8).value_or(table_.size())};
  }
  const uint64_t at = functions_at_ + uint64_t{index} * 8;
  const auto offset = half(at);
  if (!offset) return std::nullopt;
  return Row{.start = text_ + *offset, .function = half(at + 4).value_or(table_.size())};
}

std::optional<GoPlace> GoLineTable::find(uint64_t address) const {
  uint32_t low = 0;  // the last row that begins at or before the address is in [low, high)
  uint32_t high = functions_ + 1;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    const auto at = row(middle);
    if (!at) return std::nullopt;
    (at->start <= address ? low : high) = middle;
  }
  const auto found = row(low);
  if (!found || low == functions_ || found->start > address) return std::nullopt;
  const auto record = record_of(*found);
  const auto name = record ? half(*record) : std::nullopt;
  if (!name) return std::nullopt;
  GoPlace place;
  place.function = text_at(names_at_ + *name);
  place.start = found->start;
  place.index = low;
  if (place.function.empty()) return std::nullopt;
  add_line(place, *record, address);
  return place;
}

std::optional<uint64_t> GoLineTable::record_of(const Row& row) const {
  if (row.function >= table_.size() - functions_at_) return std::nullopt;
  // The record begins with the entry again, as the row has it.
  return functions_at_ + row.function + (layout_ == Layout::kGo116 ? 8 : 4);
}

std::string_view GoLineTable::name_of(uint32_t index, uint32_t most_bytes) const {
  const auto found = index < functions_ ? row(index) : std::nullopt;
  const auto record = found ? record_of(*found) : std::nullopt;
  const auto name = record ? half(*record) : std::nullopt;
  return name ? text_at(names_at_ + *name, most_bytes) : std::string_view{};
}

std::optional<uint64_t> GoLineTable::start_of(uint32_t index) const {
  const auto found = index < functions_ ? row(index) : std::nullopt;
  return found ? std::optional(found->start) : std::nullopt;
}

uint32_t GoLineTable::stack_depths(uint32_t index, const OnDepth& on_depth) const {
  const auto found = index < functions_ ? row(index) : std::nullopt;
  const auto record = found ? record_of(*found) : std::nullopt;
  const auto program = record ? half(*record + 12) : std::nullopt;
  if (!program || *program == 0) return 0;
  return walk(programs_at_ + *program, found->start,
              [&](int32_t value, uint64_t begin, uint64_t end) {
                on_depth({begin, end, value});
                return true;
              });
}

// `record` is where the name's offset is. Arguments, deferred return and stack sizes follow, then
// what we want.
void GoLineTable::add_line(GoPlace& place, uint64_t record, uint64_t address) const {
  const auto files = half(record + 16);
  const auto lines = half(record + 20);
  const auto unit = half(record + 28);
  if (!files || !lines || !unit || *files == 0 || *lines == 0) return;
  const auto file = value_at(programs_at_ + *files, place.start, address);
  const auto line = value_at(programs_at_ + *lines, place.start, address);
  if (!file || *file < 0 || !line || *line < 0) return;
  const auto offset = half(units_at_ + (uint64_t{*unit} + static_cast<uint32_t>(*file)) * 4);
  if (!offset || *offset == UINT32_MAX) return;  // the linker found the file in no line
  place.file = text_at(files_at_ + *offset);
  if (!place.file.empty()) place.line = static_cast<uint32_t>(*line);
}

// Pairs of differences: of the value (zigzag; 0 ends the program, but for the first) and of the
// address up to which it holds.
template <typename OnStep>
uint32_t GoLineTable::walk(uint64_t program, uint64_t start, const OnStep& on_step) const {
  if (program >= table_.size()) return 0;
  base::ByteReader reader(base::Bytes(table_).subspan(program));
  uint32_t value = UINT32_MAX;  // -1; differences may wrap in a hostile table
  uint64_t limit = start;
  for (uint32_t step = 0; step < kMaxSteps; ++step) {
    const auto difference = read_varint(reader);
    if (!difference || (*difference == 0 && step != 0)) return step;
    value += (*difference & 1U) != 0 ? ~(*difference >> 1) : *difference >> 1;
    const auto advance = read_varint(reader);
    if (!advance) return step;
    const uint64_t begin = limit;
    limit += uint64_t{*advance} * quantum_;
    if (!on_step(static_cast<int32_t>(value), begin, limit)) return step + 1;
  }
  return kMaxSteps;
}

std::optional<int32_t> GoLineTable::value_at(uint64_t program, uint64_t start,
                                             uint64_t address) const {
  std::optional<int32_t> found;
  walk(program, start, [&](int32_t value, uint64_t /*begin*/, uint64_t end) {
    if (address < end) found = value;
    return !found;
  });
  return found;
}

}  // namespace hostlens::symbols
