// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/sample_namer.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "model/profile.h"
#include "symbols/names/entry_functions.h"
#include "symbols/names/kernel_symbols.h"
#include "symbols/python/python_stack.h"
#include "symbols/v8/v8_stack.h"

namespace hostlens::symbols {
namespace {

std::shared_ptr<const model::Module> module_for(const CodeFile& file) {
  auto module = std::make_shared<model::Module>();
  module->path = file.path;
  if (file.elf == nullptr) return module;
  module->build_id = file.elf->build_id();
  const std::vector<ElfSegment> code = file.elf->executable_segments();
  if (!code.empty()) {
    module->start = code.front().address;
    module->limit = code.front().address + code.front().memory_size;
    module->offset = code.front().offset;
  }
  return module;
}

}  // namespace

std::optional<uint32_t> SampleNamer::Files::number_of(const model::Module& module) const {
  for (const auto& [number, known] : namer_.modules_) {
    if (known.module.get() == &module && known.elf != nullptr) return number;
  }
  return std::nullopt;
}

base::Result<base::UniqueFd> SampleNamer::Files::open_module(const model::ProcessKey& /*process*/,
                                                             const model::Module& module) {
  if (const auto number = number_of(module)) {
    return namer_.modules_.at(*number).elf->source().duplicate();
  }
  return base::Error{base::Error::Kind::kNotFound, 0, module.path + " is not open", {}};
}

base::Result<base::UniqueFd> SampleNamer::Files::open_debug_file(const model::ProcessKey& process,
                                                                 const model::Module& module,
                                                                 const DebugFilePlace& place) {
  if (const auto* served = std::get_if<DebugFileOfServer>(&place); served != nullptr) {
    if (downloads_ != nullptr) return downloads_->open(served->build_id);
  }
  const auto number = number_of(module);
  const auto mapped = number ? namer_.tracker_.place_in(process.pid, *number) : std::nullopt;
  // Without it a build id finds what there is: an empty mapping is none.
  const CodePlace at = mapped.value_or(CodePlace{});
  return symbols::open_debug_file(files_, process, at.start, at.limit, place);
}

base::Result<base::UniqueFd> SampleNamer::Files::open_perf_map(const model::ProcessKey& process) {
  return processes_.open_process_file(process, kernel::ProcessFile::kPerfMap);
}

SampleNamer::SampleNamer(const CodeTracker& tracker, kernel::HostAccess& processes,
                         kernel::CodeFiles& files, kernel::ProcessMemory& memory,
                         SymbolDownloads* downloads, const SymbolizerLimits& limits)
    : tracker_(tracker),
      kernel_files_(files),
      downloads_(downloads),
      files_(*this, processes, files, downloads),
      symbolizer_(files_, limits, base::monotonic_now_ns),
      python_names_(memory),
      java_names_(memory),
      v8_names_(memory) {}

size_t SampleNamer::AddressKeyHash::operator()(const AddressKey& key) const {
  return base::mix(reinterpret_cast<uintptr_t>(key.module), key.address);
}

void SampleNamer::load_kernel_symbols() {
  kernel_tried_ = true;
  auto file = kernel_files_.open_kernel_symbols();
  if (!file) return spdlog::warn("{}: frames of the kernel have no names", file.error().text());
  KernelSymbolsBuilder builder;
  std::array<char, 65536> piece{};
  for (;;) {
    const ssize_t got = ::read(file->get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    builder.feed({piece.data(), static_cast<size_t>(got)});
  }
  auto symbols = builder.finish();
  if (!symbols) {
    return spdlog::warn("{}: frames of the kernel have no names", symbols.error().text());
  }
  symbolizer_.set_kernel_symbols(*std::move(symbols));
}

void SampleNamer::forget_gone() {
  const size_t gone = std::erase_if(modules_, [this](const auto& known) {
    const CodeFile* const file = tracker_.file(known.first);
    if (file != nullptr && file->elf == known.second.elf) return false;
    symbolizer_.forget(known.second.module);
    return true;
  });
  if (gone > 0) addresses_.clear();
}

void SampleNamer::take_downloads() {
  if (downloads_ == nullptr) return;
  for (const std::string& build_id : downloads_->take_changed()) {
    symbolizer_.forget_names(build_id);
    for (const auto& [number, known] : modules_) {
      if (known.module == nullptr || known.module->build_id != build_id) continue;
      std::erase_if(addresses_, [gone = known.module.get()](const auto& address) {
        return address.first.module == gone;
      });
    }
  }
}

std::shared_ptr<const model::Module> SampleNamer::module_of(uint32_t executable) {
  const CodeFile* const file = tracker_.file(executable);
  if (file == nullptr) return nullptr;
  KnownModule& known = modules_[executable];
  if (known.module == nullptr || known.elf != file->elf) known = {file->elf, module_for(*file)};
  return known.module;
}

void SampleNamer::add(const model::ProcessKey& process, const CodeAddress& code, Frames& frames) {
  // What was compiled at run time is named by the process, and may be another thing soon.
  if (code.module == nullptr && !code.kernel) return symbolizer_.append(process, code, frames);
  const AddressKey key{code.module.get(), code.address << 1 | (code.return_address ? 1 : 0)};
  auto found = addresses_.find(key);
  if (found == addresses_.end()) {
    Frames named;
    symbolizer_.append(process, code, named);
    // pprof's convention: the call, not where it returns to.
    for (model::Frame& frame : named) frame.address -= code.return_address ? 1 : 0;
    Named kept{std::move(named.front()), {}};
    kept.others.assign(std::make_move_iterator(named.begin() + 1),
                       std::make_move_iterator(named.end()));
    found = addresses_.emplace(key, std::move(kept)).first;
  }
  frames.push_back(found->second.first);
  frames.insert(frames.end(), found->second.others.begin(), found->second.others.end());
}

void SampleNamer::add_native(const model::ProcessKey& process, const decoders::ProfileFrame& frame,
                             Frames& frames) {
  if (frame.kind == PROFILE_FRAME_JAVA) return add_java(process, frame, frames);
  CodeAddress code;
  code.address = frame.address;
  code.return_address = frame.is_return;
  code.module = frame.kind == PROFILE_FRAME_FILE ? module_of(frame.executable) : nullptr;
  add(process, code, frames);
}

/// What the JVM says of its code is right now; a perf map was when it was written. It has better
/// names of what is no method, and is asked for what has none.
void SampleNamer::add_java(const model::ProcessKey& process, const decoders::ProfileFrame& frame,
                           Frames& frames) {
  const size_t before = frames.size();
  const CodeAddress code{frame.address, nullptr, false, frame.is_return};
  if (frame.java == HOTSPOT_FRAME_STUB) symbolizer_.append(process, code, frames);
  if (frames.size() == before || frames.back().function == nullptr) {
    frames.resize(before);
    if (!java_layout_) java_layout_ = tracker_.hotspot_layout(process.pid);
    const bool named =
        *java_layout_ != nullptr &&
        java_names_.append(process, **java_layout_, frame, base::monotonic_now_ns(), frames);
    if (!named) symbolizer_.append(process, code, frames);
  }
  for (size_t i = before; i < frames.size(); ++i) {
    ++java_.frames;
    java_.named += frames[i].function != nullptr ? 1 : 0;
  }
}

bool SampleNamer::is_eval(const decoders::ProfileFrame& frame) const {
  if (frame.kind != PROFILE_FRAME_FILE) return false;
  const CodeFile* const file = tracker_.file(frame.executable);
  return file != nullptr && file->python &&
         file->python->is_eval(frame.address - (frame.is_return ? 1 : 0));
}

void SampleNamer::add_user(const decoders::ProfileSample& sample, Frames& frames) {
  if (!sample.python_frames.empty()) return add_with_python(sample, frames);
  if (!sample.v8_frames.empty()) return add_with_v8(sample, frames);
  for (const decoders::ProfileFrame& frame : sample.frames) {
    add_native(sample.process, frame, frames);
  }
}

void SampleNamer::add_with_python(const decoders::ProfileSample& sample, Frames& frames) {
  std::vector<bool> loops;
  loops.reserve(sample.frames.size());
  for (const decoders::ProfileFrame& frame : sample.frames) loops.push_back(is_eval(frame));
  const bool whole = sample.python == PYTHON_COMPLETE && sample.outcome == PROFILE_COMPLETE;
  const JoinedStack joined = join_python_stack(loops, sample.python_frames, whole);
  ++python_.samples;
  python_.native_left += joined.native_left;
  python_.python_left += joined.python_left;
  const uint64_t now_ns = base::monotonic_now_ns();
  for (const StackPart& part : joined.parts) {
    if (!part.python) {
      add_native(sample.process, sample.frames[part.index], frames);
      continue;
    }
    frames.push_back(python_names_.name(sample.process, sample.version,
                                        sample.python_frames[part.index], now_ns));
    ++python_.frames;
    python_.named += frames.back().function != nullptr ? 1 : 0;
  }
}

std::shared_ptr<const V8Layout> SampleNamer::v8_layout_of(
    const decoders::ProfileSample& sample) const {
  for (const decoders::ProfileFrame& frame : sample.frames) {
    const CodeFile* const file =
        frame.kind == PROFILE_FRAME_FILE ? tracker_.file(frame.executable) : nullptr;
    if (file != nullptr && file->v8 != nullptr) return file->v8;
  }
  return tracker_.v8_in(sample.process.pid);
}

void SampleNamer::add_with_v8(const decoders::ProfileSample& sample, Frames& frames) {
  const auto layout = v8_layout_of(sample);
  const uint64_t now_ns = base::monotonic_now_ns();
  const size_t begin = frames.size();
  const uint64_t functions = v8_.frames;
  auto v8 = sample.v8_frames.begin();
  for (size_t i = 0; i < sample.frames.size(); ++i) {
    if (layout == nullptr || v8 == sample.v8_frames.end() || v8->frame != i) {
      add_native(sample.process, sample.frames[i], frames);
    } else {
      add_v8(sample, *v8++, *layout, now_ns, begin, frames);
    }
  }
  v8_.samples += v8_.frames > functions ? 1 : 0;
}

void SampleNamer::add_v8(const decoders::ProfileSample& sample, const decoders::V8Frame& v8,
                         const V8Layout& layout, uint64_t now_ns, size_t begin, Frames& frames) {
  const decoders::ProfileFrame& native = sample.frames[v8.frame];
  if (v8.type != 0) {
    add_native(sample.process, native, frames);
    const std::string_view mark = layout.frame_marks[v8.type];
    if (frames.back().function == nullptr && !mark.empty()) {
      frames.back() = model::mark_frame(std::string(mark));
    }
    return;
  }
  ++v8_.frames;
  const V8Name& named = v8_names_.name(sample.process, layout, v8, now_ns);
  v8_.named += named.function != nullptr ? 1 : 0;
  model::Frame function;
  function.kind = model::Frame::Kind::kJavaScript;
  function.function = named.function;
  function.line = named.line;
  V8Place place;
  place.in_file = native.kind == PROFILE_FRAME_FILE;
  if (!place.in_file && named.function != nullptr) return frames.push_back(std::move(function));
  Frames code;
  add_native(sample.process, native, code);
  const CodeFile* const file = place.in_file ? tracker_.file(native.executable) : nullptr;
  place.in_v8 = file != nullptr && file->v8 != nullptr;
  place.is_leaf = !native.is_return;
  place.builtin = named.builtin;
  if (code.back().function != nullptr) place.symbol = code.back().function->name;
  const V8Show show = named.function == nullptr ? V8Show::kCode : v8_show(place);
  if (show != V8Show::kFunction) frames.insert(frames.end(), code.begin(), code.end());
  if (show == V8Show::kCode) return;
  // The interpreter's own frame for a call into the runtime.
  if (frames.size() > begin && frames.back().function != nullptr &&
      is_v8_handler(frames.back().function->name)) {
    frames.pop_back();
  }
  frames.push_back(std::move(function));
}

model::Sample SampleNamer::name(const decoders::ProfileSample& sample) {
  if (!kernel_tried_ && !sample.kernel_frames.empty()) load_kernel_symbols();
  if (addresses_.size() > kMostAddresses) {
    addresses_.clear();
    modules_.clear();
  }
  model::Sample named;
  named.process = sample.process;
  named.tid = sample.tid;
  named.thread_name = sample.comm;
  named.time_ns = sample.time_ns + base::unix_now_ns() - base::monotonic_now_ns();
  named.monotonic_ns = sample.time_ns;
  named.weight = sample.weight;
  named.truncated = sample.outcome == PROFILE_TRUNCATED;
  named.outcome = outcome_text(sample.outcome);
  named.frames.reserve(sample.kernel_frames.size() + sample.frames.size());
  CodeAddress code;
  code.kernel = true;
  for (const uint64_t address : sample.kernel_frames) {
    code.address = address;
    add(sample.process, code, named.frames);
    code.return_address = true;
  }
  const uint64_t java_before = java_.frames;
  java_layout_.reset();
  add_user(sample, named.frames);
  java_.samples += java_.frames != java_before ? 1 : 0;
  drop_caller_of_entry(named.frames);
  return named;
}

bool is_complete(const model::Sample& sample, profile_outcome outcome) {
  switch (outcome) {
    case PROFILE_COMPLETE:
    case PROFILE_KERNEL_THREAD:
    case PROFILE_EXITING:
      return true;
    case PROFILE_NOT_READY:
    case PROFILE_TRUNCATED:
    case PROFILE_COMPAT:
    case PROFILE_UNSUPPORTED:
      return false;
    default:
      return ends_at_entry(sample.frames) &&
             sample.frames.back().kind != model::Frame::Kind::kKernel;
  }
}

std::string_view outcome_text(profile_outcome outcome) {
  switch (outcome) {
    case PROFILE_COMPLETE:
      return "complete";
    case PROFILE_ENDED:
      return "ended";
    case PROFILE_KERNEL_THREAD:
      return "kernel_thread";
    case PROFILE_EXITING:
      return "exiting";
    case PROFILE_TRUNCATED:
      return "truncated";
    case PROFILE_NOT_READY:
      return "not_ready";
    case PROFILE_NO_MAPPING:
      return "no_mapping";
    case PROFILE_NO_TABLE:
      return "no_table";
    case PROFILE_NO_ROW:
      return "no_row";
    case PROFILE_EXPRESSION:
      return "expression";
    case PROFILE_INVALID_ROW:
      return "invalid_row";
    case PROFILE_FRAME_POINTER:
      return "frame_pointer";
    case PROFILE_MEMORY_FAULT:
      return "memory_fault";
    case PROFILE_REGISTER_LOST:
      return "register_lost";
    case PROFILE_STACK_ORDER:
      return "stack_order";
    case PROFILE_COMPAT:
      return "compat";
    case PROFILE_UNSUPPORTED:
      return "unsupported";
    case PROFILE_TABLE_TORN:
      return "table_torn";
    case PROFILE_NO_STACK:
      return "no_stack";
    default:
      return "unknown";
  }
}

}  // namespace hostlens::symbols
