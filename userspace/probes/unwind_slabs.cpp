// SPDX-License-Identifier: Apache-2.0
#include "probes/unwind_slabs.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace hostlens::probes {
namespace {

constexpr size_t kSlabBytes = UNWIND_SLAB_WORDS * sizeof(unwind_word);

/// The first run of so many blocks that are not taken.
template <size_t kSize>
std::optional<uint32_t> find_run(const std::bitset<kSize>& taken, uint32_t blocks) {
  uint32_t run = 0;
  for (uint32_t block = 0; block < kSize; ++block) {
    run = taken[block] ? 0 : run + 1;
    if (run == blocks) return block + 1 - blocks;
  }
  return std::nullopt;
}

}  // namespace

UnwindSlabs::UnwindSlabs(base::UniqueFd outer, kernel::SlabSource& source, uint64_t most_bytes)
    : outer_(std::move(outer)),
      source_(source),
      most_slabs_(std::clamp<uint64_t>(most_bytes / kSlabBytes, 1, UNWIND_SLABS_MAX)) {}

UnwindSlabs::~UnwindSlabs() {
  for (auto& slab : slabs_) {
    if (slab) unmap(*slab);
  }
  for (auto& retired : retired_) unmap(*retired.slab);
}

base::Result<UnwindSlabs::Extent> UnwindSlabs::allocate(uint32_t words, uint64_t now_ns) {
  if (words == 0 || words > UNWIND_SLAB_WORDS) {
    return base::invalid_error("unwind tables: no extent can have so many words");
  }
  collect(now_ns);
  const uint32_t blocks = blocks_of(words);
  for (uint32_t number = 0; number < slabs_.size(); ++number) {
    if (!slabs_[number] || slabs_[number]->free_blocks < blocks) continue;
    const auto first = find_run(slabs_[number]->taken, blocks);
    if (!first) continue;
    const Extent extent{(number << UNWIND_SLAB_SHIFT) + *first * kBlockWords, words};
    mark(extent, true);
    return extent;
  }
  auto number = add_slab();
  if (!number) return std::move(number).error();
  const Extent extent{*number << UNWIND_SLAB_SHIFT, words};
  mark(extent, true);
  return extent;
}

base::Result<uint32_t> UnwindSlabs::add_slab() {
  const auto held = static_cast<size_t>(std::count_if(
      slabs_.begin(), slabs_.end(), [](const auto& slab) { return slab != nullptr; }));
  // Retired ones still count, or a flood of tables could hold twice the limit.
  if (held + retired_.size() >= most_slabs_) {
    return base::Error{base::Error::Kind::kBusy, 0, "unwind tables: the limit is reached", {}};
  }
  auto fd = source_.make_slab();
  if (!fd) return std::move(fd).error();
  auto slab = std::make_unique<Slab>();
  slab->fd = *std::move(fd);
  void* const words =
      ::mmap(nullptr, kSlabBytes, PROT_READ | PROT_WRITE, MAP_SHARED, slab->fd.get(), 0);
  if (words == MAP_FAILED) return base::errno_error("unwind tables: map a slab");
  slab->words = static_cast<unwind_word*>(words);
  auto gap = std::find(slabs_.begin(), slabs_.end(), nullptr);
  const auto number = static_cast<uint32_t>(gap - slabs_.begin());
  const int value = slab->fd.get();
  if (bpf_map_update_elem(outer_.get(), &number, &value, BPF_ANY) != 0) {
    base::Error error = base::errno_error("unwind tables: add a slab");
    unmap(*slab);
    return error;
  }
  if (gap == slabs_.end()) {
    slabs_.push_back(std::move(slab));
  } else {
    *gap = std::move(slab);
  }
  return number;
}

void UnwindSlabs::free(Extent extent, uint64_t now_ns) {
  if (extent.words == 0) return;
  freed_blocks_ += blocks_of(extent.words);
  freed_.push_back({extent, now_ns});
}

void UnwindSlabs::collect(uint64_t now_ns) {
  while (!freed_.empty() && freed_.front().at_ns + kGraceNs <= now_ns) {
    mark(freed_.front().extent, false);
    freed_blocks_ -= blocks_of(freed_.front().extent.words);
    freed_.pop_front();
  }
  // Its memory stays until nobody can be reading it, whatever the kernel does about that: before
  // 6.8 it freed maps of maps too early (CVE-2023-52447).
  while (!retired_.empty() && retired_.front().at_ns + kGraceNs <= now_ns) {
    unmap(*retired_.front().slab);
    retired_.pop_front();
  }
  bool spare = false;
  for (uint32_t number = 0; number < slabs_.size(); ++number) {
    if (!slabs_[number] || slabs_[number]->free_blocks != kBlocks) continue;
    if (!std::exchange(spare, true)) continue;
    if (bpf_map_delete_elem(outer_.get(), &number) != 0) continue;
    retired_.push_back({std::move(slabs_[number]), now_ns});
  }
}

unwind_word* UnwindSlabs::at(uint32_t index) const {
  const uint32_t number = index >> UNWIND_SLAB_SHIFT;
  if (number >= slabs_.size() || !slabs_[number]) return nullptr;
  return slabs_[number]->words + (index & (UNWIND_SLAB_WORDS - 1));
}

void UnwindSlabs::mark(Extent extent, bool taken) {
  Slab& slab = *slabs_[extent.first >> UNWIND_SLAB_SHIFT];
  const uint32_t first = (extent.first & (UNWIND_SLAB_WORDS - 1)) / kBlockWords;
  const uint32_t blocks = blocks_of(extent.words);
  for (uint32_t block = first; block < first + blocks; ++block) slab.taken[block] = taken;
  slab.free_blocks += taken ? -blocks : blocks;
}

void UnwindSlabs::unmap(Slab& slab) { ::munmap(slab.words, kSlabBytes); }

uint64_t UnwindSlabs::slab_bytes() const {
  uint64_t bytes = retired_.size() * kSlabBytes;
  for (const auto& slab : slabs_) bytes += slab ? kSlabBytes : 0;
  return bytes;
}

uint64_t UnwindSlabs::used_bytes() const {
  uint64_t blocks = 0;
  for (const auto& slab : slabs_) blocks += slab ? kBlocks - slab->free_blocks : 0;
  return blocks * kBlockBytes;
}

uint64_t UnwindSlabs::limit_bytes() const { return most_slabs_ * kSlabBytes; }

}  // namespace hostlens::probes
