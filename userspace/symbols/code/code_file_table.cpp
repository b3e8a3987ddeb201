// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/code_file_table.h"

#include <spdlog/spdlog.h>
#include <sys/auxv.h>

#include <algorithm>
#include <utility>

#include "base/open_files.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kPage = 4096;
/// The vDSO has no file; it is the same in every 64-bit process.
constexpr uint64_t kVdsoDevice = ~uint64_t{0};
constexpr uint64_t kMostVdsoBytes = 64 << 10;

/// Our own is as good as anybody's.
std::shared_ptr<const ElfView> own_vdso(uint64_t bytes) {
  const auto* const image = reinterpret_cast<const std::byte*>(::getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr || bytes > kMostVdsoBytes) return nullptr;
  auto elf =
      ElfView::open(std::make_shared<MemorySource>(std::vector<std::byte>(image, image + bytes)));
  return elf ? std::make_shared<const ElfView>(*std::move(elf)) : nullptr;
}

/// Which ELF virtual address is at the start of a mapping; the loader rounds to pages.
uint64_t address_at(const ElfView& elf, const CodeMapping& mapping) {
  for (const ElfSegment& segment : elf.executable_segments()) {
    const uint64_t begin = segment.offset / kPage * kPage;
    if (mapping.offset >= begin && mapping.offset < segment.offset + segment.file_size) {
      return segment.address - segment.offset + mapping.offset;
    }
  }
  return mapping.offset;
}

bool same_code(const ElfView& left, const ElfView& right) {
  const auto a = left.executable_segments();
  const auto b = right.executable_segments();
  return left.source().size() == right.source().size() && left.entry() == right.entry() &&
         std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
           return x.offset == y.offset && x.address == y.address && x.file_size == y.file_size;
         });
}

}  // namespace

size_t executables_within(size_t executables, uint64_t open_files) {
  return static_cast<size_t>(std::min<uint64_t>(executables, open_files / 2));
}

CodeFileTable::CodeFileTable(probes::UnwindTables& tables, kernel::CodeFiles& files,
                             const CodeFileLimits& limits, OnNew on_new)
    : tables_(tables),
      files_(files),
      limits_(limits),
      most_executables_(executables_within(limits.executables, base::open_files_limit())),
      on_new_(std::move(on_new)) {}

CodeFileTable::~CodeFileTable() = default;

CodePlace CodeFileTable::place_of(model::ProcessKey process, const CodeMapping& mapping,
                                  uint64_t now_ns) {
  CodePlace place{mapping.start, mapping.limit, 0, 0};
  const Entry* const entry = know(process, mapping, now_ns);
  if (entry == nullptr) return place;
  const CodeFile& file = entry->known.file;
  place.executable = file.number;
  place.bias = mapping.start - address_at(*file.elf, mapping);
  return place;
}

const CodeFileTable::Known* CodeFileTable::find(uint32_t number) const {
  const auto found = entries_.find(number);
  return found == entries_.end() ? nullptr : &found->second->known;
}

const CodeFile* CodeFileTable::file(uint32_t number) const {
  const Known* const known = find(number);
  return known == nullptr ? nullptr : &known->file;
}

void CodeFileTable::set_hotspot_layout(uint32_t number,
                                       std::shared_ptr<const HotspotLayout> layout) {
  const auto found = entries_.find(number);
  if (found != entries_.end()) found->second->known.file.hotspot_layout = std::move(layout);
}

const CodeFileTable::Entry* CodeFileTable::know(model::ProcessKey process,
                                                const CodeMapping& mapping, uint64_t now_ns) {
  const bool vdso = mapping.path == "[vdso]";
  if (mapping.inode == 0 && !vdso) return nullptr;
  const FileKey key = vdso ? FileKey{kVdsoDevice, mapping.limit - mapping.start}
                           : FileKey{mapping.device, mapping.inode};
  if (Entry* const entry = by_key(key)) {
    entry->unused_since_ns = now_ns;
    return entry;
  }
  auto elf = vdso ? own_vdso(mapping.limit - mapping.start) : open_elf(process, mapping);
  if (elf == nullptr) return nullptr;
  Entry* entry = same_build(*elf);
  if (entry == nullptr) entry = add(elf, process, mapping, now_ns);
  if (entry == nullptr) return nullptr;
  entry->unused_since_ns = now_ns;
  // What finds no room here is opened again the next time.
  if (entry->keys.empty() || make_room(now_ns)) {
    entry->keys.push_back(key);
    numbers_[key] = {entry->known.file.number, std::move(elf)};
  }
  return entry;
}

/// nullptr: no such file is known, or it was written to (which its old users may not have
/// survived).
CodeFileTable::Entry* CodeFileTable::by_key(const FileKey& key) {
  const auto found = numbers_.find(key);
  if (found == numbers_.end()) return nullptr;
  Entry* const entry = entries_.at(found->second.number).get();
  if (!found->second.elf->source().is_changed()) return entry;
  std::erase(entry->keys, key);
  numbers_.erase(found);
  forget_build(entry->known.file);
  return nullptr;
}

std::shared_ptr<const ElfView> CodeFileTable::open_elf(model::ProcessKey process,
                                                       const CodeMapping& mapping) {
  auto fd = files_.open_code(process, mapping.start, mapping.limit);
  if (!fd) {
    ++figures_.failed;
    return nullptr;
  }
  auto source = FileSource::open(*std::move(fd));
  if (!source) return nullptr;
  auto elf = ElfView::open(*std::move(source));
  return elf ? std::make_shared<const ElfView>(*std::move(elf)) : nullptr;
}

/// The same library in another container. Build ids are anybody's to write: the code must look the
/// same too.
CodeFileTable::Entry* CodeFileTable::same_build(const ElfView& elf) {
  const auto found = builds_.find(elf.build_id());
  if (elf.build_id().empty() || found == builds_.end()) return nullptr;
  Entry* const entry = entries_.at(found->second).get();
  return same_code(elf, *entry->known.file.elf) ? entry : nullptr;
}

CodeFileTable::Entry* CodeFileTable::add(std::shared_ptr<const ElfView> elf,
                                         model::ProcessKey process, const CodeMapping& mapping,
                                         uint64_t now_ns) {
  if (!make_room(now_ns)) return nullptr;
  const auto number = tables_.add_executable(now_ns);
  if (!number) return nullptr;
  if (!elf->build_id().empty()) builds_.try_emplace(elf->build_id(), *number);
  auto entry = std::make_unique<Entry>();
  CodeFile& file = entry->known.file;
  file.number = *number;
  file.path = mapping.path;
  file.elf = std::move(elf);
  find_languages(file);
  entry->known.process = process;
  entry->known.start = mapping.start;
  entry->known.limit = mapping.limit;
  Entry* const added = entry.get();
  entries_[*number] = std::move(entry);
  on_new_(added->known);
  return added;
}

void CodeFileTable::find_languages(CodeFile& file) {
  file.python = read_python_program(*file.elf, file.path);
  file.hotspot = read_hotspot_program(*file.elf, file.path);
  figures_.pythons += file.python ? 1 : 0;
  auto v8 = read_v8_layout(*file.elf, file.path);
  if (!v8) {
    ++figures_.v8s_refused;
    spdlog::info("{}: {}; its JavaScript functions have no names", file.path, v8.error().text());
  } else if (*v8) {
    ++figures_.v8s;
    if (!(*v8)->code) {
      spdlog::info("{}: V8 does not tell where its code is; inlined functions are their callers'",
                   file.path);
    }
    file.v8 = std::make_shared<const V8Layout>(**std::move(v8));
  }
}

/// What no process maps any more stays as long as there is room: programs are executed again.
bool CodeFileTable::make_room(uint64_t now_ns) {
  if (std::max(entries_.size(), numbers_.size()) < most_executables_) return true;
  const Entry* oldest = nullptr;
  for (const auto& [number, entry] : entries_) {
    // Not those of the list that is being made, which nobody uses yet.
    if (entry->users != 0 || entry->unused_since_ns == now_ns) continue;
    if (oldest == nullptr || entry->unused_since_ns < oldest->unused_since_ns) oldest = entry.get();
  }
  if (oldest == nullptr) return false;
  forget(oldest->known.file.number, now_ns);
  return true;
}

void CodeFileTable::forget(uint32_t number, uint64_t now_ns) {
  ++figures_.forgotten;
  const Entry& entry = *entries_.at(number);
  for (const FileKey& key : entry.keys) numbers_.erase(key);
  forget_build(entry.known.file);
  tables_.remove_executable(number, now_ns);
  entries_.erase(number);
}

void CodeFileTable::forget_idle(uint64_t now_ns) {
  if (now_ns < idle_checked_ns_ + limits_.idle_check_ns) return;
  idle_checked_ns_ = now_ns;
  std::vector<uint32_t> idle;
  for (const auto& [number, entry] : entries_) {
    if (entry->users == 0 && now_ns > entry->unused_since_ns + limits_.idle_ns) {
      idle.push_back(number);
    }
  }
  for (const uint32_t number : idle) forget(number, now_ns);
}

void CodeFileTable::forget_build(const CodeFile& file) {
  const auto build = builds_.find(file.elf->build_id());
  if (build != builds_.end() && build->second == file.number) builds_.erase(build);
}

void CodeFileTable::use(const std::vector<CodePlace>& places) {
  for (const CodePlace& place : places) {
    if (place.executable != 0) ++entries_.at(place.executable)->users;
  }
}

void CodeFileTable::unuse(const std::vector<CodePlace>& places, uint64_t now_ns) {
  for (const CodePlace& place : places) {
    if (place.executable == 0) continue;
    Entry& entry = *entries_.at(place.executable);
    if (--entry.users == 0) entry.unused_since_ns = now_ns;
  }
}

}  // namespace hostlens::symbols
