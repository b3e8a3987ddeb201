// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/perf_map.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kEntryBytes = 112;  // a node of the tree with its allocation, measured

std::optional<uint64_t> take_number(std::string_view& line) {
  if (line.starts_with("0x") || line.starts_with("0X")) line.remove_prefix(2);
  uint64_t value = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  if (parsed.ec != std::errc{}) return std::nullopt;
  line.remove_prefix(static_cast<size_t>(parsed.ptr - line.data()));
  if (!line.starts_with(' ')) return std::nullopt;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return value;
}

uint64_t cost(const std::string& name) { return kEntryBytes + name.size(); }

}  // namespace

void PerfMap::feed(std::string_view piece) {
  lines_.feed(piece, [this](std::string_view line) { add_line(line); });
}

void PerfMap::add_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto start = take_number(line);
  const auto size = start ? take_number(line) : std::nullopt;
  if (!size || *size == 0 || *start > UINT64_MAX - *size || line.empty()) {
    ++skipped_;
    return;
  }
  make_room(*start, *start + *size);
  std::string name;
  base::assign_utf8(name, line.substr(0, limits_.name_bytes));
  insert(*start, {.limit = *start + *size, .start = *start, .name = std::move(name)});
}

void PerfMap::make_room(uint64_t start, uint64_t limit) {
  auto at = entries_.lower_bound(start);
  if (at != entries_.begin() && std::prev(at)->second.limit > start) --at;
  while (at != entries_.end() && at->first < limit) {
    const auto next = std::next(at);
    const uint64_t key = at->first;
    Entry old = std::move(at->second);
    bytes_ -= cost(old.name);
    entries_.erase(at);
    if (old.limit > limit) insert(limit, old);
    if (key < start) {
      old.limit = start;
      insert(key, std::move(old));
    }
    at = next;
  }
}

void PerfMap::insert(uint64_t key, Entry entry) {
  if (entries_.size() >= limits_.entries || bytes_ + cost(entry.name) > limits_.bytes) {
    ++skipped_;
    return;
  }
  bytes_ += cost(entry.name);
  entries_.emplace(key, std::move(entry));
}

std::optional<PerfMapSymbol> PerfMap::find(uint64_t address) const {
  const auto next = entries_.upper_bound(address);
  if (next == entries_.begin()) return std::nullopt;
  const Entry& entry = std::prev(next)->second;
  if (address >= entry.limit) return std::nullopt;
  return PerfMapSymbol{.name = entry.name, .start = entry.start};
}

}  // namespace hostlens::symbols
