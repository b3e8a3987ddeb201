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
#include "symbols/names/demangle.h"
#include "symbols/names/symbol_reader.h"

namespace hostlens::symbols {
namespace {

using model::Frame;

/// Functions that nobody calls: where threads begin.
constexpr std::string_view kEntries[] = {
    "_start",        "__libc_start_main",     "__libc_start_call_main", "clone",
    "clone3",        "__clone",               "__clone3",               "start_thread",
    "thread_start",  "thread_native_entry",   "runtime.goexit",         "runtime.mstart",
    "runtime.rt0_go", "runtime.mcall",        "runtime.systemstack",    "ret_from_fork",
    "ret_from_fork_asm",
};

bool is_entry(std::string_view name) {
  name = name.substr(0, name.find('@'));
  for (const std::string_view entry : kEntries) {
    if (name == entry || (name.starts_with(entry) && name.substr(entry.size()) == ".abi0")) {
      return true;
    }
  }
  return false;
}

std::shared_ptr<const model::Function> function_named(std::string_view linker_name) {
  auto function = std::make_shared<model::Function>();
  function->name = demangle(linker_name);
  if (function->name != linker_name) function->system_name = linker_name;
  return function;
}

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

size_t SampleNamer::FrameKeyHash::operator()(const FrameKey& key) const {
  return base::mix(key.executable, key.address);
}

void SampleNamer::load_kernel_symbols() {
  kernel_tried_ = true;
  auto file = files_.open_kernel_symbols();
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
  kernel_ = *std::move(symbols);
}

Frame SampleNamer::kernel_frame(uint64_t address) {
  if (!kernel_tried_) load_kernel_symbols();
  Frame frame;
  frame.kind = Frame::Kind::kKernel;
  frame.address = address;
  if (kernel_ == nullptr) return frame;
  const auto symbol = kernel_->find(address);
  if (!symbol) return frame;
  frame.function = function_named(symbol->name);
  if (!symbol->module.empty()) {
    auto module = std::make_shared<model::Module>();
    module->path = "[" + std::string(symbol->module) + "]";
    frame.module = std::move(module);
  }
  return frame;
}

SampleNamer::NamedModule* SampleNamer::module_of(uint32_t executable) {
  const CodeFile* const file = tracker_.file(executable);
  if (file == nullptr) return nullptr;
  const auto found = modules_.find(executable);
  if (found != modules_.end() && found->second.elf == file->elf) return &found->second;
  if (modules_.size() >= kMostTables) {
    modules_.clear();
    frames_.clear();
  }
  NamedModule named;
  named.elf = file->elf;
  named.module = module_for(*file);
  if (file->elf != nullptr) {
    auto symbols = read_symbols(*file->elf);
    if (symbols) named.symbols = *std::move(symbols);
  }
  return &modules_.insert_or_assign(executable, std::move(named)).first->second;
}

Frame SampleNamer::user_frame(const decoders::ProfileFrame& raw) {
  Frame frame;
  // A call may be the last instruction of its function: its return address is in the next one.
  frame.address = raw.address - (raw.is_return ? 1 : 0);
  if (raw.kind == PROFILE_FRAME_ANONYMOUS) frame.kind = Frame::Kind::kJit;
  if (raw.kind != PROFILE_FRAME_FILE) return frame;
  NamedModule* const named = module_of(raw.executable);
  if (named == nullptr) return frame;
  frame.kind = named->is_go ? Frame::Kind::kGo : Frame::Kind::kNative;
  frame.module = named->module;
  const auto symbol = named->symbols.find(frame.address);
  if (!symbol) return frame;
  auto& function = named->functions[symbol->index];
  if (function == nullptr) function = function_named(symbol->name);
  frame.function = function;
  return frame;
}

model::Sample SampleNamer::name(const decoders::ProfileSample& sample) {
  if (frames_.size() > kMostFrames) frames_.clear();
  const auto cached = [&](FrameKey key, auto make) -> const Frame& {
    const auto found = frames_.find(key);
    if (found != frames_.end()) return found->second;
    return frames_.emplace(key, make()).first->second;
  };
  model::Sample named;
  named.process = sample.process;
  named.tid = sample.tid;
  named.thread_name = sample.comm;
  named.time_ns = sample.time_ns + base::unix_now_ns() - base::monotonic_now_ns();
  named.weight = sample.weight;
  named.truncated = sample.outcome == PROFILE_TRUNCATED;
  named.outcome = outcome_text(sample.outcome);
  named.frames.reserve(sample.kernel_frames.size() + sample.frames.size());
  bool is_return = false;
  for (const uint64_t address : sample.kernel_frames) {
    const uint64_t call = address - (is_return ? 1 : 0);
    named.frames.push_back(cached({0, call}, [&] { return kernel_frame(call); }));
    is_return = true;
  }
  for (const decoders::ProfileFrame& frame : sample.frames) {
    if (frame.kind != PROFILE_FRAME_FILE || module_of(frame.executable) == nullptr) {
      named.frames.push_back(user_frame(frame));
      continue;
    }
    const FrameKey key{frame.executable, frame.address << 1 | (frame.is_return ? 1 : 0)};
    named.frames.push_back(cached(key, [&] { return user_frame(frame); }));
  }
  return named;
}

bool is_complete(const model::Sample& sample, profile_outcome outcome) {
  switch (outcome) {
    case PROFILE_COMPLETE:
    case PROFILE_KERNEL_THREAD:
    case PROFILE_EXITING:
      return true;
    case PROFILE_ENDED:
      return !sample.frames.empty() && sample.frames.back().function != nullptr &&
             is_entry(sample.frames.back().function->name);
    default:
      return false;
  }
}

std::string_view outcome_text(profile_outcome outcome) {
  switch (outcome) {
    case PROFILE_COMPLETE: return "complete";
    case PROFILE_ENDED: return "ended";
    case PROFILE_KERNEL_THREAD: return "kernel_thread";
    case PROFILE_EXITING: return "exiting";
    case PROFILE_TRUNCATED: return "truncated";
    case PROFILE_NOT_READY: return "not_ready";
    case PROFILE_NO_MAPPING: return "no_mapping";
    case PROFILE_NO_TABLE: return "no_table";
    case PROFILE_NO_ROW: return "no_row";
    case PROFILE_EXPRESSION: return "expression";
    case PROFILE_INVALID_ROW: return "invalid_row";
    case PROFILE_FRAME_POINTER: return "frame_pointer";
    case PROFILE_MEMORY_FAULT: return "memory_fault";
    case PROFILE_REGISTER_LOST: return "register_lost";
    case PROFILE_STACK_ORDER: return "stack_order";
    case PROFILE_COMPAT: return "compat";
    case PROFILE_UNSUPPORTED: return "unsupported";
    case PROFILE_TABLE_TORN: return "table_torn";
    default: return "unknown";
  }
}

}  // namespace hostlens::symbols
