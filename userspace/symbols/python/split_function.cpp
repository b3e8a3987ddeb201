// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/split_function.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "symbols/unwind/cfi_section.h"
#include "symbols/unwind/frame_sections.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kMostCode = 1 << 20;
constexpr uint64_t kMostSection = 32U << 20;
/// Bytes that look like a jump by chance hit the same function's middle a few times at most.
constexpr size_t kLeastTargets = 8;
constexpr size_t kMostParts = 4;

/// Near jumps with an offset of 32 bits: jmp is E9, jcc 0F 80 to 0F 8F. Other instructions have
/// such bytes, too: the code is not disassembled.
std::vector<uint64_t> jump_targets(base::Bytes code, uint64_t address) {
  std::vector<uint64_t> targets;
  constexpr size_t kOffset = sizeof(int32_t);
  for (size_t i = 0; i + 1 + kOffset <= code.size(); ++i) {
    const auto first = static_cast<uint8_t>(code[i]);
    size_t at = i + 1;
    if (first == 0x0f) {
      if ((static_cast<uint8_t>(code[at]) & 0xf0U) != 0x80) continue;
      ++at;
    } else if (first != 0xe9) {
      continue;
    }
    if (at + kOffset > code.size()) break;
    int32_t offset = 0;
    std::memcpy(&offset, code.data() + at, sizeof offset);
    targets.push_back(address + at + kOffset + static_cast<uint64_t>(int64_t{offset}));
  }
  return targets;
}

}  // namespace

std::vector<CodeRange> find_split_parts(const ElfView& elf, CodeRange function) {
  const auto offset = elf.offset_of(function.start);
  if (!offset || function.limit <= function.start) return {};
  const auto code = elf.read(*offset, function.limit - function.start, kMostCode);
  if (!code) return {};
  const auto frames = load_eh_frame(elf, kMostSection);
  if (!frames || !frames->has_value()) return {};
  FrameEntries entries;
  read_entries((*frames)->section(), {}, entries);
  std::vector<CodeRange> ranges;
  ranges.reserve(entries.fdes.size());
  for (const Fde& fde : entries.fdes) ranges.push_back({fde.start, fde.start + fde.size});
  std::sort(ranges.begin(), ranges.end(),
            [](const CodeRange& a, const CodeRange& b) { return a.start < b.start; });
  std::map<size_t, std::set<uint64_t>> targets;  // in the middle of a range, by its index
  for (const uint64_t target : jump_targets(*code, function.start)) {
    if (target >= function.start && target < function.limit) continue;
    auto next = std::upper_bound(ranges.begin(), ranges.end(), target,
                                 [](uint64_t at, const CodeRange& r) { return at < r.start; });
    if (next == ranges.begin()) continue;
    --next;
    if (target <= next->start || target >= next->limit) continue;
    targets[static_cast<size_t>(next - ranges.begin())].insert(target);
  }
  std::vector<CodeRange> parts;
  for (const auto& [index, middle] : targets) {
    if (middle.size() >= kLeastTargets && parts.size() < kMostParts) parts.push_back(ranges[index]);
  }
  return parts;
}

}  // namespace hostlens::symbols
