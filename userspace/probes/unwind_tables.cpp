// SPDX-License-Identifier: Apache-2.0
#include "probes/unwind_tables.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <unordered_set>
#include <utility>

namespace hostlens::probes {
namespace {

using base::Result;

constexpr size_t kExecutablesBytes = UNWIND_EXECUTABLES_MAX * sizeof(unwind_executable);
/// Rows that are allocated together: the more, the less is lost to rounding; the fewer, the better
/// they fit into gaps.
constexpr uint32_t kGroupRows = 8192;
constexpr uint32_t kProcessBatch = 1024;

base::Error busy() {
  return {base::Error::Kind::kBusy, 0, "unwind tables: no room at the moment", {}};
}

Result<void> check(int fd, uint32_t type, uint32_t key_bytes, size_t value_bytes) {
  bpf_map_info facts{};
  uint32_t length = sizeof(facts);
  if (bpf_obj_get_info_by_fd(fd, &facts, &length) != 0) {
    return base::errno_error("unwind tables: read a map's description");
  }
  if (facts.type != type || facts.key_size != key_bytes || facts.value_size != value_bytes) {
    return base::invalid_error("unwind tables: another kind of map");
  }
  return {};
}

/// The kernel reads `pages` first: 0 until everything else is in place.
void set_pages(unwind_executable& executable, uint32_t pages) {
  std::atomic_ref<uint32_t>(executable.pages).store(pages, std::memory_order_release);
}

}  // namespace

UnwindTables::UnwindTables(Maps maps, kernel::SlabSource& source, uint64_t most_bytes,
                           unwind_executable* executables)
    : maps_(std::move(maps)),
      slabs_(std::move(maps_.slabs), source, most_bytes),
      shared_(executables),
      executables_(UNWIND_EXECUTABLES_MAX) {}

UnwindTables::~UnwindTables() { ::munmap(shared_, kExecutablesBytes); }

Result<std::unique_ptr<UnwindTables>> UnwindTables::open(Maps maps, kernel::SlabSource& source,
                                                         uint64_t most_bytes) {
  auto good = check(maps.slabs.get(), BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4);
  if (good) {
    good = check(maps.executables.get(), BPF_MAP_TYPE_ARRAY, 4, sizeof(unwind_executable));
  }
  if (good) good = check(maps.spaces.get(), BPF_MAP_TYPE_HASH, 8, sizeof(unwind_space));
  if (good) good = check(maps.processes.get(), BPF_MAP_TYPE_HASH, 4, sizeof(profile_process));
  if (good) good = check(maps.python_spaces.get(), BPF_MAP_TYPE_HASH, 8, sizeof(python_space));
  if (good) good = check(maps.hotspot_spaces.get(), BPF_MAP_TYPE_HASH, 8, sizeof(hotspot_space));
  if (!good) return std::move(good).error();
  void* const executables = ::mmap(nullptr, kExecutablesBytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                                   maps.executables.get(), 0);
  if (executables == MAP_FAILED) return base::errno_error("unwind tables: map the executables");
  std::unique_ptr<UnwindTables> tables(new UnwindTables(
      std::move(maps), source, most_bytes, static_cast<unwind_executable*>(executables)));
  tables->forget_predecessor();
  return tables;
}

void UnwindTables::forget_predecessor() {
  for (const int map :
       {maps_.spaces.get(), maps_.python_spaces.get(), maps_.hotspot_spaces.get()}) {
    uint64_t space = 0;
    while (bpf_map_get_next_key(map, nullptr, &space) == 0) {
      if (bpf_map_delete_elem(map, &space) != 0) break;
    }
  }
  for (uint32_t number = 0; number < UNWIND_EXECUTABLES_MAX; ++number) {
    std::atomic_ref<__u32>(shared_[number].pages).store(0);
  }
}

Result<uint32_t> UnwindTables::add_executable(uint64_t now_ns) {
  uint32_t number = 0;
  if (!resting_.empty() && resting_.front().since_ns + kNumberRestNs <= now_ns) {
    number = resting_.front().number;
    resting_.pop_front();
  } else if (next_number_ < UNWIND_EXECUTABLES_MAX) {
    number = next_number_++;
  } else {
    return base::Error{base::Error::Kind::kBusy, 0, "unwind tables: too many executables", {}};
  }
  executables_[number].in_use = true;
  shared_[number].used_s = static_cast<uint32_t>(now_ns / 1'000'000'000);
  return number;
}

void UnwindTables::remove_executable(uint32_t number, uint64_t now_ns) {
  if (number >= executables_.size() || !executables_[number].in_use) return;
  withdraw(number, now_ns);
  executables_[number].in_use = false;
  resting_.push_back({number, now_ns});
}

bool UnwindTables::has_table(uint32_t number) const {
  return number < executables_.size() && !executables_[number].extents.empty();
}

Result<void> UnwindTables::publish(uint32_t number, std::span<const CodePage> pages,
                                   std::span<const unwind_row> rows, uint64_t now_ns) {
  if (number >= executables_.size() || !executables_[number].in_use || pages.empty()) {
    return base::invalid_error("unwind tables: no such executable, or an empty table");
  }
  const uint64_t span = uint64_t{pages.back().number} - pages.front().number + 1;
  if (pages.back().number < pages.front().number || span > UNWIND_DIRECTORY_MAX) {
    return base::invalid_error("unwind tables: the code of a file lies too far apart");
  }
  withdraw(number, now_ns);
  if (!make_room((span + rows.size()) * sizeof(unwind_word), now_ns)) return busy();
  // So that it is not the first to go.
  shared_[number].used_s = static_cast<uint32_t>(now_ns / 1'000'000'000);
  Extents extents;
  std::vector<unwind_word> directory(span);
  auto done = copy_rows(pages, rows, now_ns, extents, directory);
  auto place = done ? allocate(static_cast<uint32_t>(span), now_ns)
                    : Result<UnwindSlabs::Extent>(std::move(done).error());
  if (!place) {
    free(extents, now_ns);
    return std::move(place).error();
  }
  std::memcpy(slabs_.at(place->first), directory.data(), span * sizeof(unwind_word));
  extents.push_back(*place);
  executables_[number].extents = std::move(extents);
  ++tables_;
  shared_[number].directory = place->first;
  shared_[number].first_page = pages.front().number;
  set_pages(shared_[number], static_cast<uint32_t>(span));
  return {};
}

/// Whole pages in groups, since a page's rows must lie in one slab.
Result<void> UnwindTables::copy_rows(std::span<const CodePage> pages,
                                     std::span<const unwind_row> rows, uint64_t now_ns,
                                     Extents& extents, std::vector<unwind_word>& directory) {
  for (size_t begin = 0; begin < pages.size();) {
    size_t end = begin;
    uint32_t words = 0;
    do {
      const CodePage& page = pages[end];
      if (page.page.count > UNWIND_PAGE_ROWS_MAX ||
          (end != 0 && page.number <= pages[end - 1].number) ||
          uint64_t{page.page.first_row} + page.page.count > rows.size()) {
        return base::invalid_error("unwind tables: pages that contradict each other");
      }
      words += page.page.count;
      ++end;
    } while (end < pages.size() && words + pages[end].page.count <= kGroupRows);
    if (words != 0) {
      auto place = allocate(words, now_ns);
      if (!place) return std::move(place).error();
      extents.push_back(*place);
      uint32_t first = place->first;
      for (const CodePage& page : pages.subspan(begin, end - begin)) {
        if (page.page.count == 0) continue;
        std::memcpy(slabs_.at(first), rows.data() + page.page.first_row,
                    page.page.count * sizeof(unwind_row));
        directory[page.number - pages.front().number].page = {first, page.page.count, 0};
        first += page.page.count;
      }
    }
    begin = end;
  }
  return {};
}

Result<UnwindSlabs::Extent> UnwindTables::allocate(uint32_t words, uint64_t now_ns) {
  auto extent = slabs_.allocate(words, now_ns);
  // There is room, but in no one place.
  if (!extent && extent.error().kind == base::Error::Kind::kBusy) {
    evict_one(now_ns);
  }
  return extent;
}

/// False: not yet, since what is evicted comes free a little later.
bool UnwindTables::make_room(uint64_t bytes, uint64_t now_ns) {
  slabs_.collect(now_ns);
  if (slabs_.used_bytes() + bytes <= slabs_.limit_bytes()) return true;
  while (slabs_.used_bytes() - slabs_.freed_bytes() + bytes > slabs_.limit_bytes() &&
         evict_one(now_ns)) {
  }
  return false;
}

bool UnwindTables::evict_one(uint64_t now_ns) {
  uint32_t oldest = 0;
  for (uint32_t number = 1; number < next_number_; ++number) {
    if (has_table(number) && (oldest == 0 || shared_[number].used_s < shared_[oldest].used_s)) {
      oldest = number;
    }
  }
  if (oldest == 0) return false;
  withdraw(oldest, now_ns);
  ++evictions_;
  return true;
}

void UnwindTables::withdraw(uint32_t number, uint64_t now_ns) {
  if (!has_table(number)) return;
  set_pages(shared_[number], 0);
  free(executables_[number].extents, now_ns);
  --tables_;
}

void UnwindTables::free(Extents& extents, uint64_t now_ns) {
  for (const auto& extent : extents) slabs_.free(extent, now_ns);
  extents.clear();
}

Result<void> UnwindTables::fill_space(uint64_t space, std::span<const unwind_mapping> mappings,
                                      uint16_t flags, const SpaceLanguages& languages,
                                      uint64_t now_ns) {
  if (space == 0 || mappings.size() > UNWIND_MAPPINGS_MAX) {
    return base::Error{base::Error::Kind::kBusy, 0, "unwind tables: too many mappings", {}};
  }
  uint64_t end = 0;
  for (const unwind_mapping& mapping : mappings) {
    if (mapping.start < end || mapping.limit <= mapping.start ||
        mapping.executable >= UNWIND_EXECUTABLES_MAX) {
      return base::invalid_error("unwind tables: mappings that contradict each other");
    }
    end = mapping.limit;
  }
  flags |= fill_languages(space, languages);
  Space filled{
      {0, static_cast<uint16_t>(mappings.size()), flags, languages.v8.value_or(v8_layout{})}, {}};
  if (!mappings.empty()) {
    auto place = allocate(static_cast<uint32_t>(mappings.size()) << UNWIND_MAPPING_SHIFT, now_ns);
    if (!place) return std::move(place).error();
    filled.extent = *place;
    filled.value.first = place->first;
    std::memcpy(slabs_.at(place->first), mappings.data(), mappings.size_bytes());
  }
  if (bpf_map_update_elem(maps_.spaces.get(), &space, &filled.value, BPF_ANY) != 0) {
    base::Error error = base::errno_error("unwind tables: fill a space");
    slabs_.free(filled.extent, now_ns);
    return error;
  }
  const auto old = spaces_.find(space);
  if (old != spaces_.end()) {
    slabs_.free(old->second.extent, now_ns);
    drop_languages(space, old->second.value.flags & ~uint32_t{flags});
  }
  spaces_[space] = filled;
  return {};
}

uint16_t UnwindTables::fill_languages(uint64_t space, const SpaceLanguages& languages) {
  uint16_t flags = 0;
  const auto write = [&](int map, const auto& value, uint16_t flag, uint64_t& refused) {
    if (!value) return;
    if (bpf_map_update_elem(map, &space, &*value, BPF_ANY) == 0) {
      flags |= flag;
    } else {
      ++refused;
    }
  };
  write(maps_.python_spaces.get(), languages.python, UNWIND_SPACE_PYTHON, python_refused_);
  write(maps_.hotspot_spaces.get(), languages.hotspot, UNWIND_SPACE_HOTSPOT, hotspot_refused_);
  if (languages.v8) flags |= UNWIND_SPACE_V8;
  return flags;
}

void UnwindTables::drop_languages(uint64_t space, uint32_t flags) {
  if ((flags & UNWIND_SPACE_PYTHON) != 0) bpf_map_delete_elem(maps_.python_spaces.get(), &space);
  if ((flags & UNWIND_SPACE_HOTSPOT) != 0) bpf_map_delete_elem(maps_.hotspot_spaces.get(), &space);
}

void UnwindTables::drop_space(uint64_t space, uint64_t now_ns) {
  const auto found = spaces_.find(space);
  if (found == spaces_.end()) return;
  bpf_map_delete_elem(maps_.spaces.get(), &space);
  drop_languages(space, found->second.value.flags);
  slabs_.free(found->second.extent, now_ns);
  spaces_.erase(found);
}

Result<void> UnwindTables::visit_processes(uint64_t now_ns, const OnProcess& use) {
  // A space is in the kernel's table before anybody hears of it: what we have now and do not find
  // is dead.
  std::unordered_set<uint64_t> dead;
  for (const auto& [space, kept] : spaces_) dead.insert(space);
  std::vector<uint32_t> pids(kProcessBatch);
  std::vector<profile_process> processes(kProcessBatch);
  std::vector<std::pair<uint32_t, profile_process>> found;
  uint32_t position = 0;
  for (bool first = true, more = true; more; first = false) {
    uint32_t count = kProcessBatch;
    const int error =
        bpf_map_lookup_batch(maps_.processes.get(), first ? nullptr : &position, &position,
                             pids.data(), processes.data(), &count, nullptr);
    if (error != 0 && errno != ENOENT) return base::errno_error("unwind tables: read processes");
    more = error == 0;
    for (uint32_t i = 0; i < count; ++i) {
      dead.erase(processes[i].space);
      dead.erase(processes[i].inherited);
      found.emplace_back(pids[i], processes[i]);
    }
  }
  for (const uint64_t space : dead) drop_space(space, now_ns);
  slabs_.collect(now_ns);
  for (const auto& [pid, process] : found) use(pid, process);
  return {};
}

std::optional<profile_process> UnwindTables::process(uint32_t pid) const {
  profile_process process{};
  if (bpf_map_lookup_elem(maps_.processes.get(), &pid, &process) != 0) return std::nullopt;
  return process;
}

unwind_executable* UnwindTables::executable(uint32_t number) const {
  return number < UNWIND_EXECUTABLES_MAX ? &shared_[number] : nullptr;
}

const unwind_space* UnwindTables::space(uint64_t space) const {
  const auto found = spaces_.find(space);
  return found == spaces_.end() ? nullptr : &found->second.value;
}

UnwindTableFigures UnwindTables::figures() const {
  return {slabs_.slab_bytes(),
          slabs_.used_bytes(),
          static_cast<uint64_t>(next_number_ - 1 - resting_.size()),
          tables_,
          spaces_.size(),
          python_refused_,
          hotspot_refused_,
          evictions_};
}

}  // namespace hostlens::probes
