// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/sample_namer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "model/profile.h"
#include "symbols/names/entry_functions.h"
#include "symbols/names/kernel_symbols.h"
#include "symbols/names/sample_outcome.h"
#include "symbols/python/python_stack.h"

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
      v8_names_(memory),
      v8_inlined_(memory) {}

size_t SampleNamer::AddressKeyHash::operator()(const AddressKey& key) const {
  return base::mix(reinterpret_cast<uintptr_t>(key.module), key.address);
}

void SampleNamer::load_kernel_symbols() {
  kernel_tried_ = true;
  auto file = kernel_files_.open_kernel_symbols();
  if (!file) return spdlog::warn("{}: frames of the kernel have no names", file.error().text());
  auto symbols = read_kernel_symbols(file->get());
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
  if (gone == 0) return;
  addresses_.clear();
  known_stacks_.clear();
}

void SampleNamer::take_downloads() {
  if (downloads_ == nullptr) return;
  for (const std::string& build_id : downloads_->take_changed()) {
    known_stacks_.clear();
    addresses_.clear();
    symbolizer_.forget_names(build_id);
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

void SampleNamer::expire(NamedStack& stack, const Scene& scene, uint64_t after_ns) {
  stack.expires_ns = std::min(stack.expires_ns, scene.now_ns + after_ns);
}

void SampleNamer::add_kernel(const decoders::ProfileSample& sample, size_t index, Frames& frames) {
  if (!kernel_tried_) load_kernel_symbols();
  CodeAddress code;
  code.kernel = true;
  code.address = sample.kernel_frames[index];
  code.return_address = index > 0;
  add(sample.process, code, frames);
}

void SampleNamer::add_native(const Scene& scene, const decoders::ProfileFrame& frame,
                             NamedStack& into, Frames& frames) {
  if (frame.kind == PROFILE_FRAME_JAVA) return add_java(scene, frame, into, frames);
  CodeAddress code;
  code.address = frame.address;
  code.return_address = frame.is_return;
  code.module = frame.kind == PROFILE_FRAME_FILE ? module_of(frame.executable) : nullptr;
  if (code.module == nullptr) expire(into, scene, kPassingNs);
  add(scene.sample.process, code, frames);
}

/// What the JVM says of its code is right now; a perf map was when it was written. It has better
/// names of what is no method, and is asked for what has none.
void SampleNamer::add_java(const Scene& scene, const decoders::ProfileFrame& frame,
                           NamedStack& into, Frames& frames) {
  const model::ProcessKey& process = scene.sample.process;
  const size_t before = frames.size();
  const CodeAddress code{frame.address, nullptr, false, frame.is_return};
  const bool stub = frame.java == HOTSPOT_FRAME_STUB;
  bool named = false;
  if (stub) {
    symbolizer_.append(process, code, frames);
    named = frames.back().function != nullptr;
  }
  if (!named) {
    frames.resize(before);
    if (!java_layout_) java_layout_ = tracker_.hotspot_layout(process.pid);
    named = *java_layout_ != nullptr &&
            java_names_.append(process, **java_layout_, frame, scene.now_ns, frames);
    if (!named) symbolizer_.append(process, code, frames);
  }
  if (!named) expire(into, scene, kPassingNs);
  if (named && stub) expire(into, scene, kCompiledNs);
  for (size_t i = before; i < frames.size(); ++i) {
    ++into.java.all;
    into.java.named += frames[i].function != nullptr ? 1 : 0;
  }
}

void SampleNamer::add_python(const Scene& scene, const decoders::PythonFrame& frame,
                             NamedStack& into, Frames& frames) {
  frames.push_back(
      python_names_.name(scene.sample.process, scene.sample.version, frame, scene.now_ns));
  const bool named = frames.back().function != nullptr;
  if (!named) expire(into, scene, kPassingNs);
  ++into.python.all;
  into.python.named += named ? 1 : 0;
}

bool SampleNamer::is_eval(const decoders::ProfileFrame& frame) const {
  if (frame.kind != PROFILE_FRAME_FILE) return false;
  const CodeFile* const file = tracker_.file(frame.executable);
  return file != nullptr && file->python &&
         file->python->is_eval(frame.address - (frame.is_return ? 1 : 0));
}

JoinedStack SampleNamer::join_python(const decoders::ProfileSample& sample) {
  if (sample.python_frames.empty()) return {};
  std::vector<bool> loops;
  loops.reserve(sample.frames.size());
  for (const decoders::ProfileFrame& frame : sample.frames) loops.push_back(is_eval(frame));
  const bool whole = sample.python == PYTHON_COMPLETE && sample.outcome == PROFILE_COMPLETE;
  JoinedStack joined = join_python_stack(loops, sample.python_frames, whole);
  ++python_.samples;
  python_.native_left += joined.native_left;
  python_.python_left += joined.python_left;
  return joined;
}

NamedStack SampleNamer::name_part(const Scene& scene, const SamplePart& part,
                                  const NamedStack& callers) {
  NamedStack named = callers;
  named.runs_javascript = false;
  Frames frames;
  switch (part.list) {
    case SamplePart::List::kKernel:
      add_kernel(scene.sample, part.index, frames);
      break;
    case SamplePart::List::kNative:
      add_native(scene, scene.sample.frames[part.index], named, frames);
      break;
    case SamplePart::List::kPython:
      add_python(scene, scene.sample.python_frames[part.index], named, frames);
      break;
    case SamplePart::List::kV8:
      add_v8(scene, scene.sample.v8_frames[part.index], named, frames);
      break;
  }
  // The interpreter's own frame for a call into the runtime.
  if (callers.runs_javascript && part.list != SamplePart::List::kKernel &&
      is_handler(frames.back())) {
    frames.pop_back();
  }
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    if (is_no_caller(named.stack, *frame)) named.stack = {};
    named.stack.push(std::move(*frame));
  }
  return named;
}

NamedStack SampleNamer::name_stack(const Scene& scene) {
  NamedStack named;
  size_t unknown = 0;
  for (; unknown < parts_.size(); ++unknown) {
    const NamedStack* const known = known_stacks_.find(parts_[unknown].key, scene.now_ns);
    if (known == nullptr) continue;
    named = *known;
    break;
  }
  while (unknown-- > 0) {
    named = name_part(scene, parts_[unknown], named);
    known_stacks_.put(parts_[unknown].key, named);
  }
  return named;
}

model::Sample SampleNamer::name(const decoders::ProfileSample& sample) {
  if (addresses_.size() > kMostAddresses) {
    addresses_.clear();
    modules_.clear();
  }
  if (const uint64_t forgotten = tracker_.files().forgotten; forgotten != forgotten_) {
    forgotten_ = forgotten;
    known_stacks_.clear();
  }
  Scene scene{sample, base::monotonic_now_ns()};
  java_layout_.reset();
  if (!sample.v8_frames.empty()) scene.v8 = v8_layout_of(sample);
  list_parts(sample, join_python(sample), scene.v8 != nullptr, parts_);
  NamedStack stack = name_stack(scene);
  count(stack);
  model::Sample named;
  named.process = sample.process;
  named.tid = sample.tid;
  named.thread_name = sample.comm;
  named.time_ns = sample.time_ns + base::unix_now_ns() - scene.now_ns;
  named.monotonic_ns = sample.time_ns;
  named.weight = sample.weight;
  named.truncated = sample.outcome == PROFILE_TRUNCATED;
  named.outcome = outcome_text(sample.outcome);
  named.stack = std::move(stack.stack);
  return named;
}

void SampleNamer::count(const NamedStack& stack) {
  python_.frames += stack.python.all;
  python_.named += stack.python.named;
  java_.samples += stack.java.all > 0 ? 1 : 0;
  java_.frames += stack.java.all;
  java_.named += stack.java.named;
  v8_.samples += stack.javascript.all > 0 ? 1 : 0;
  v8_.frames += stack.javascript.all;
  v8_.named += stack.javascript.named;
  v8_.inlined += stack.javascript_inlined;
}

}  // namespace hostlens::symbols
