// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/code_tracker.h"

#include <spdlog/spdlog.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/open_files.h"
#include "symbols/names/debug_link.h"
#include "symbols/unwind/unwind_table.h"

namespace hostlens::symbols {
namespace {

using base::Result;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kNsPerTick = 10'000'000;
/// A dynamic program has loaded its libraries some milliseconds after its exec.
constexpr uint64_t kAgainNs = 10'000'000;
/// Under a storm of execs, those that live long enough are noticed by their samples.
constexpr size_t kMostAgain = 256;
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

CodeTracker::CodeTracker(probes::UnwindTables& tables, kernel::HostAccess& processes,
                         kernel::CodeFiles& files, kernel::ProcessMemory& memory, Wanted wanted,
                         const CodeTrackerLimits& limits)
    : tables_(tables),
      processes_(processes),
      files_(files),
      memory_(memory),
      wanted_(std::move(wanted)),
      limits_(limits),
      most_executables_(executables_within(limits.executables, base::open_files_limit())) {}

CodeTracker::~CodeTracker() = default;

void CodeTracker::on_notice(const decoders::ProfileNotice& notice, uint64_t now_ns) {
  if (notice.reason == PROFILE_NOTICE_TABLE) {
    wait_for(notice.executable, true);
    return;
  }
  if (wanted_ && !wanted_(notice.process.pid)) return;
  read_process(notice.process, notice.space, now_ns);
  if (notice.reason == PROFILE_NOTICE_EXEC && again_.size() < kMostAgain) {
    again_.push_back({notice.process, notice.space, now_ns + kAgainNs});
  }
}

void CodeTracker::look_again(model::ProcessKey process, uint64_t space, uint64_t now_ns) {
  if (!wanted_ || wanted_(process.pid)) read_process(process, space, now_ns);
}

uint64_t CodeTracker::read_again(uint64_t now_ns) {
  while (!again_.empty() && again_.front().at_ns <= now_ns) {
    const Again due = again_.front();
    again_.pop_front();
    read_process(due.process, due.space, now_ns);
  }
  return again_.empty() ? 0 : again_.front().at_ns;
}

Result<void> CodeTracker::visit(uint64_t now_ns) {
  struct Found {
    model::ProcessKey process;
    uint64_t space;
  };
  std::vector<Found> unknown;
  auto visited = tables_.visit_processes(now_ns, [&](uint32_t pid, const profile_process& process) {
    if (tables_.has_space(process.space) || tables_.has_space(process.inherited)) return;
    if (wanted_ && !wanted_(pid)) return;
    unknown.push_back({{pid, process.start_boottime_ns / kNsPerTick}, process.space});
  });
  if (!visited) return visited;
  std::erase_if(spaces_, [&](const auto& entry) {
    if (tables_.has_space(entry.first)) return false;
    unuse(entry.second.places, now_ns);
    return true;
  });
  for (const Found& found : unknown) read_process(found.process, found.space, now_ns);
  forget_idle(now_ns);
  return {};
}

Result<std::vector<CodeMapping>> CodeTracker::mappings_of(model::ProcessKey process) {
  auto file = processes_.open_process_file(process, kernel::ProcessFile::kMaps);
  if (!file) return std::move(file).error();
  auto text = read_maps(file->get(), limits_.maps_bytes);
  if (!text) return std::move(text).error();
  return parse_code_mappings(*text, limits_.mappings);
}

void CodeTracker::read_process(model::ProcessKey process, uint64_t space, uint64_t now_ns) {
  ++figures_.processes_read;
  auto mappings = mappings_of(process);
  // It may have executed another program meanwhile, and this would be a wrong answer for those
  // that it forked before.
  const auto now = tables_.process(process.pid);
  if (!mappings || !now || now->space != space || mappings->empty()) {
    ++figures_.processes_failed;
    return;
  }
  const auto known = spaces_.find(space);
  const bool asks = known != spaces_.end() && known->second.java.waits;
  if (known != spaces_.end() && known->second.mappings == *mappings && !asks) return;
  std::vector<CodePlace> places;
  bool makes_code = false;
  for (const CodeMapping& mapping : *mappings) {
    places.push_back(place_of(process, mapping, now_ns));
    makes_code = makes_code || (places.back().executable == 0 && mapping.path != "[uprobes]");
  }
  Java java = known != spaces_.end() ? known->second.java : Java{};
  ask_java(process, places, java);
  const auto v8 = v8_of(places);
  const probes::SpaceLanguages languages{python_of(*mappings, places), java.space,
                                         v8 ? std::optional(v8->kernel) : std::nullopt};
  if (!fill(space, places, makes_code, languages, now_ns)) return;
  use(places);
  if (known != spaces_.end()) unuse(known->second.places, now_ns);
  const bool again = java.waits && again_.size() < kMostAgain;
  spaces_[space] = {*std::move(mappings), std::move(places), java};
  if (again) again_.push_back({process, space, now_ns + kAgainNs});
}

std::optional<python_space> CodeTracker::python_of(const std::vector<CodeMapping>& mappings,
                                                   const std::vector<CodePlace>& places) const {
  const auto is_musl = [](const CodeMapping& mapping) {
    const size_t name = mapping.path.rfind('/') + 1;
    return mapping.path.compare(name, 8, "ld-musl-") == 0 ||
           mapping.path.compare(name, 8, "libc.mus") == 0;
  };
  for (const CodePlace& place : places) {
    const CodeFile* const file = place.executable == 0 ? nullptr : this->file(place.executable);
    if (file == nullptr || !file->python) continue;
    python_space python{};
    python.version = file->python->version;
    python.key_address =
        place.bias + file->python->runtime + python_layouts[python.version].tss_key;
    python.library =
        std::any_of(mappings.begin(), mappings.end(), is_musl) ? PYTHON_MUSL : PYTHON_GLIBC;
    return python;
  }
  return std::nullopt;
}

bool CodeTracker::fill(uint64_t space, const std::vector<CodePlace>& places, bool makes_code,
                       const probes::SpaceLanguages& languages, uint64_t now_ns) {
  std::vector<unwind_mapping> entries;
  entries.reserve(places.size());
  for (const CodePlace& place : places) {
    entries.push_back({place.start, place.limit, place.bias, place.executable, 0});
  }
  const uint16_t flags = makes_code ? UNWIND_SPACE_JIT : 0;
  return tables_.fill_space(space, entries, flags, languages, now_ns).has_value();
}

std::shared_ptr<const V8Layout> CodeTracker::v8_of(const std::vector<CodePlace>& places) const {
  for (const CodePlace& place : places) {
    const CodeFile* const file = place.executable == 0 ? nullptr : this->file(place.executable);
    if (file != nullptr && file->v8 != nullptr) return file->v8;
  }
  return nullptr;
}

CodePlace CodeTracker::place_of(model::ProcessKey process, const CodeMapping& mapping,
                                uint64_t now_ns) {
  CodePlace place{mapping.start, mapping.limit, 0, 0};
  const Known* known = know(process, mapping, now_ns);
  if (known == nullptr) return place;
  place.executable = known->file.number;
  place.bias = mapping.start - address_at(*known->file.elf, mapping);
  return place;
}

const CodeTracker::Known* CodeTracker::know(model::ProcessKey process, const CodeMapping& mapping,
                                            uint64_t now_ns) {
  const bool vdso = mapping.path == "[vdso]";
  if (mapping.inode == 0 && !vdso) return nullptr;
  const FileKey key = vdso ? FileKey{kVdsoDevice, mapping.limit - mapping.start}
                           : FileKey{mapping.device, mapping.inode};
  if (Known* const known = by_key(key)) {
    known->unused_since_ns = now_ns;
    return known;
  }
  auto elf = vdso ? own_vdso(mapping.limit - mapping.start) : open_elf(process, mapping);
  if (elf == nullptr) return nullptr;
  Known* known = same_build(*elf);
  if (known == nullptr) known = add(elf, process, mapping, now_ns);
  if (known == nullptr) return nullptr;
  known->unused_since_ns = now_ns;
  // What finds no room here is opened again the next time.
  if (known->keys.empty() || make_room(now_ns)) {
    known->keys.push_back(key);
    numbers_[key] = {known->file.number, std::move(elf)};
  }
  return known;
}

/// nullptr: no such file is known, or it was written to (which its old users may not have
/// survived).
CodeTracker::Known* CodeTracker::by_key(const FileKey& key) {
  const auto found = numbers_.find(key);
  if (found == numbers_.end()) return nullptr;
  Known* const known = known_.at(found->second.number).get();
  if (!found->second.elf->source().is_changed()) return known;
  std::erase(known->keys, key);
  numbers_.erase(found);
  forget_build(*known);
  return nullptr;
}

std::shared_ptr<const ElfView> CodeTracker::open_elf(model::ProcessKey process,
                                                     const CodeMapping& mapping) {
  auto fd = files_.open_code(process, mapping.start, mapping.limit);
  if (!fd) {
    ++figures_.files_failed;
    return nullptr;
  }
  auto source = FileSource::open(*std::move(fd));
  if (!source) return nullptr;
  auto elf = ElfView::open(*std::move(source));
  return elf ? std::make_shared<const ElfView>(*std::move(elf)) : nullptr;
}

/// The same library in another container. Build ids are anybody's to write: the code must look the
/// same too.
CodeTracker::Known* CodeTracker::same_build(const ElfView& elf) {
  const auto found = builds_.find(elf.build_id());
  if (elf.build_id().empty() || found == builds_.end()) return nullptr;
  Known* known = known_.at(found->second).get();
  return same_code(elf, *known->file.elf) ? known : nullptr;
}

CodeTracker::Known* CodeTracker::add(std::shared_ptr<const ElfView> elf, model::ProcessKey process,
                                     const CodeMapping& mapping, uint64_t now_ns) {
  if (!make_room(now_ns)) return nullptr;
  auto number = tables_.add_executable(now_ns);
  if (!number) return nullptr;
  if (!elf->build_id().empty()) builds_.try_emplace(elf->build_id(), *number);
  auto known = std::make_unique<Known>();
  known->file = {*number,      mapping.path, std::move(elf), std::nullopt,
                 std::nullopt, nullptr,      nullptr};
  find_languages(known->file);
  known->process = process;
  known->start = mapping.start;
  known->limit = mapping.limit;
  Known* const result = known.get();
  known_[*number] = std::move(known);
  wait_for(*number, false);
  return result;
}

void CodeTracker::find_languages(CodeFile& file) {
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
bool CodeTracker::make_room(uint64_t now_ns) {
  if (std::max(known_.size(), numbers_.size()) < most_executables_) return true;
  const Known* oldest = nullptr;
  for (const auto& [number, known] : known_) {
    // Not those of the list that is being made, which nobody uses yet.
    if (known->users != 0 || known->unused_since_ns == now_ns) continue;
    if (oldest == nullptr || known->unused_since_ns < oldest->unused_since_ns) oldest = known.get();
  }
  if (oldest == nullptr) return false;
  forget(oldest->file.number, now_ns);
  return true;
}

void CodeTracker::forget(uint32_t number, uint64_t now_ns) {
  ++figures_.executables_forgotten;
  const Known& known = *known_.at(number);
  for (const FileKey& key : known.keys) numbers_.erase(key);
  forget_build(known);
  std::erase(waiting_, number);
  tables_.remove_executable(number, now_ns);
  known_.erase(number);
}

void CodeTracker::forget_idle(uint64_t now_ns) {
  if (now_ns < idle_checked_ns_ + limits_.idle_check_ns) return;
  idle_checked_ns_ = now_ns;
  std::vector<uint32_t> idle;
  for (const auto& [number, known] : known_) {
    if (known->users == 0 && now_ns > known->unused_since_ns + limits_.idle_ns) {
      idle.push_back(number);
    }
  }
  for (const uint32_t number : idle) forget(number, now_ns);
}

void CodeTracker::forget_build(const Known& known) {
  const auto build = builds_.find(known.file.elf->build_id());
  if (build != builds_.end() && build->second == known.file.number) builds_.erase(build);
}

void CodeTracker::use(const std::vector<CodePlace>& places) {
  for (const CodePlace& place : places) {
    if (place.executable != 0) ++known_.at(place.executable)->users;
  }
}

void CodeTracker::unuse(const std::vector<CodePlace>& places, uint64_t now_ns) {
  for (const CodePlace& place : places) {
    if (place.executable == 0) continue;
    Known& known = *known_.at(place.executable);
    if (--known.users == 0) known.unused_since_ns = now_ns;
  }
}

void CodeTracker::wait_for(uint32_t number, bool first) {
  const auto found = known_.find(number);
  if (found == known_.end() || found->second->barren || tables_.has_table(number)) return;
  std::erase(waiting_, number);
  if (first) {
    waiting_.push_front(number);
  } else {
    waiting_.push_back(number);
  }
}

/// What was compiled without unwind tables has them for its debugger: musl's libc, for one.
Result<UnwindTable> CodeTracker::table_of(const Known& known) {
  const ElfView& elf = *known.file.elf;
  auto table = build_unwind_table(elf);
  const bool covered = table && table->statistics.covered_bytes >= table->statistics.code_bytes / 2;
  if (covered || elf.section(".gopclntab") != nullptr) return table;
  Refusals refusals;
  const auto debug = find_debug_file(
      elf,
      [&](const DebugFilePlace& place) {
        return open_debug_file(files_, known.process, known.start, known.limit, place);
      },
      refusals);
  if (!debug) return table;
  auto more = build_unwind_table(elf, debug->elf);
  return more ? std::move(more) : std::move(table);
}

bool CodeTracker::build_next(uint64_t now_ns) {
  if (waiting_.empty()) return false;
  const uint32_t number = waiting_.front();
  Known& known = *known_.at(number);
  if (built_.number != number) {
    built_ = {};
    auto table = table_of(known);
    if (table) {
      for (const NumberedPage& page : table->pages) {
        built_.pages.push_back({page.number, page.page});
      }
      built_.rows = std::move(table->rows);
    }
    built_.number = number;
  }
  const auto published = tables_.publish(number, built_.pages, built_.rows, now_ns);
  if (!published && published.error().kind == base::Error::Kind::kBusy) return false;
  built_ = {};
  waiting_.pop_front();
  known.barren = !published;
  ++(published ? figures_.tables_built : figures_.tables_failed);
  return true;
}

const CodeFile* CodeTracker::file(uint32_t number) const {
  const auto found = known_.find(number);
  return found == known_.end() ? nullptr : &found->second->file;
}

bool CodeTracker::is_entry(const decoders::ProfileFrame& frame) const {
  // glibc's have 34 bytes, its loader's 79.
  constexpr uint64_t kMostBytes = 96;
  const CodeFile* file = frame.kind == PROFILE_FRAME_FILE ? this->file(frame.executable) : nullptr;
  if (file == nullptr || file->elf->entry() == 0) return false;
  return frame.address - file->elf->entry() < kMostBytes;
}

const std::vector<CodePlace>* CodeTracker::places(uint64_t space) const {
  const auto found = spaces_.find(space);
  return found == spaces_.end() ? nullptr : &found->second.places;
}

const std::vector<CodePlace>* CodeTracker::places_of(uint32_t pid) const {
  const auto process = tables_.process(pid);
  if (!process) return nullptr;
  const auto* const found = places(process->space);
  return found != nullptr ? found : places(process->inherited);
}

std::shared_ptr<const V8Layout> CodeTracker::v8_in(uint32_t pid) const {
  const auto* const found = places_of(pid);
  return found == nullptr ? nullptr : v8_of(*found);
}

std::optional<CodePlace> CodeTracker::place_in(uint32_t pid, uint32_t number) const {
  const auto* const found = places_of(pid);
  if (found == nullptr) return std::nullopt;
  const auto place = std::ranges::find(*found, number, &CodePlace::executable);
  return place == found->end() ? std::nullopt : std::optional(*place);
}

}  // namespace hostlens::symbols
