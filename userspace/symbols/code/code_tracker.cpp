// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/code_tracker.h"

#include <algorithm>
#include <utility>

namespace hostlens::symbols {
namespace {

using base::Result;

constexpr uint64_t kNsPerTick = 10'000'000;
/// A dynamic program has loaded its libraries some milliseconds after its exec.
constexpr uint64_t kAgainNs = 10'000'000;
/// Under a storm of execs, those that live long enough are noticed by their samples.
constexpr size_t kMostAgain = 256;

}  // namespace

CodeTracker::CodeTracker(probes::UnwindTables& tables, kernel::HostAccess& processes,
                         kernel::CodeFiles& files, kernel::ProcessMemory& memory, Wanted wanted,
                         const CodeTrackerLimits& limits)
    : tables_(tables),
      processes_(processes),
      memory_(memory),
      wanted_(std::move(wanted)),
      limits_(limits),
      files_(tables, files, limits.files,
             [this](const CodeFileTable::Known& known) { queue_.put_new(known.file.number); }),
      queue_(tables, files_, files) {}

CodeTracker::~CodeTracker() = default;

void CodeTracker::on_notice(const decoders::ProfileNotice& notice, uint64_t now_ns) {
  if (notice.reason == PROFILE_NOTICE_TABLE) {
    queue_.put_first(notice.executable);
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
    files_.unuse(entry.second.places, now_ns);
    return true;
  });
  for (const Found& found : unknown) read_process(found.process, found.space, now_ns);
  files_.forget_idle(now_ns);
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
    places.push_back(files_.place_of(process, mapping, now_ns));
    makes_code = makes_code || (places.back().executable == 0 && mapping.path != "[uprobes]");
  }
  Java java = known != spaces_.end() ? known->second.java : Java{};
  ask_java(process, places, java);
  const auto v8 = v8_of(places);
  const probes::SpaceLanguages languages{python_of(*mappings, places), java.space,
                                         v8 ? std::optional(v8->kernel) : std::nullopt};
  if (!fill(space, places, makes_code, languages, now_ns)) return;
  files_.use(places);
  if (known != spaces_.end()) files_.unuse(known->second.places, now_ns);
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
