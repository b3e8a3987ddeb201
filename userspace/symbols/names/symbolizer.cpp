// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/symbolizer.h"

#include <iterator>
#include <utility>

#include "base/utf8.h"
#include "symbols/names/vdso.h"

namespace hostlens::symbols {
namespace {

constexpr size_t kMaxKernelFunctions = 64 << 10;

/// The same library in many containers is one module: by build id and path. A file without an id is
/// known by its module only, as the same path may be another file elsewhere.
std::string key_of(const std::shared_ptr<const model::Module>& module) {
  if (!module->build_id.empty()) return module->build_id + module->path;
  return '@' + std::to_string(reinterpret_cast<uintptr_t>(module.get()));
}

}  // namespace

Symbolizer::Symbolizer(SymbolFiles& files, const SymbolizerLimits& limits,
                       std::function<uint64_t()> now_ns)
    : files_(files),
      limits_(limits),
      now_ns_(std::move(now_ns)),
      perf_maps_(files, limits.perf_map) {}

void Symbolizer::set_kernel_symbols(std::shared_ptr<const KernelSymbols> symbols) {
  kernel_ = std::move(symbols);
  kernel_functions_.clear();
}

ModuleNames Symbolizer::load(const model::ProcessKey& process, const model::Module& module) {
  ++statistics_.loaded;
  if (module.path == "[vdso]") {
    const auto image = open_own_vdso();
    if (image) return ModuleNames::of_image(*image, limits_.module, statistics_.refused);
    statistics_.refused.count(image.error());
    return ModuleNames::none();
  }
  auto file = files_.open_module(process, module);
  if (!file) {
    statistics_.refused.count(file.error());
    return ModuleNames::none();
  }
  const auto open_debug_file = [&](const DebugFilePlace& place) {
    return files_.open_debug_file(process, module, place);
  };
  return ModuleNames::load(*std::move(file), open_debug_file, limits_.module, now_ns_,
                           statistics_.refused);
}

Symbolizer::Known& Symbolizer::known(const model::ProcessKey& process,
                                     const std::shared_ptr<const model::Module>& module) {
  const uint64_t now = now_ns_();
  std::string key = key_of(module);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    modules_.splice(modules_.begin(), modules_, found->second);
    Known& entry = modules_.front();
    if (entry.names.empty() && now - entry.loaded_ns >= limits_.retry_ns) {
      entry.names = load(process, *module);
      entry.loaded_ns = now;
      account(entry);
    }
    return entry;
  }
  modules_.push_front({.key = key,
                       .module = module,
                       .names = load(process, *module),
                       .bytes = 0,
                       .loaded_ns = now});
  by_key_.emplace(std::move(key), modules_.begin());
  return modules_.front();
}

void Symbolizer::account(Known& module) {
  const uint64_t bytes = module.names.bytes();
  statistics_.bytes += bytes - module.bytes;
  module.bytes = bytes;
}

// The one in use stays, whatever its size: its own limits bound it.
void Symbolizer::evict() {
  while (modules_.size() > 1 &&
         (statistics_.bytes > limits_.bytes || modules_.size() > limits_.modules)) {
    drop(std::prev(modules_.end()));
  }
}

void Symbolizer::forget(const std::shared_ptr<const model::Module>& module) {
  const auto found = by_key_.find(key_of(module));
  if (found != by_key_.end()) drop(found->second);
}

void Symbolizer::forget_names(std::string_view build_id) {
  for (auto known = modules_.begin(); known != modules_.end();) {
    const auto module = known++;
    if (module->module->build_id == build_id) drop(module);
  }
}

void Symbolizer::drop(std::list<Known>::iterator module) {
  statistics_.bytes -= module->bytes;
  by_key_.erase(module->key);
  modules_.erase(module);
  ++statistics_.evicted;
}

model::Frame Symbolizer::kernel_frame(const CodeAddress& code, uint64_t lookup) {
  model::Frame frame;
  frame.kind = model::Frame::Kind::kKernel;
  frame.address = code.address;
  const auto symbol = kernel_ ? kernel_->find(lookup) : std::nullopt;
  const std::string path =
      symbol && !symbol->module.empty() ? '[' + std::string(symbol->module) + ']' : "[kernel]";
  auto& module = kernel_modules_[path];
  if (!module) {
    auto made = std::make_shared<model::Module>();
    made->path = path;
    module = std::move(made);
  }
  frame.module = module;
  if (!symbol) return frame;
  if (kernel_functions_.size() >= kMaxKernelFunctions) kernel_functions_.clear();
  auto& function = kernel_functions_[symbol->start];
  if (!function) {
    auto made = std::make_shared<model::Function>();
    base::assign_utf8(made->name, symbol->name);
    function = std::move(made);
  }
  frame.function = function;
  return frame;
}

model::Frame Symbolizer::jit_frame(const model::ProcessKey& process, const CodeAddress& code,
                                   uint64_t lookup) {
  model::Frame frame;
  frame.address = code.address;
  frame.function = perf_maps_.find(process, lookup, now_ns_(), statistics_.refused);
  if (frame.function) frame.kind = model::Frame::Kind::kJit;
  return frame;
}

void Symbolizer::append(const model::ProcessKey& process, const CodeAddress& code,
                        std::vector<model::Frame>& frames) {
  const uint64_t lookup = code.address - (code.return_address && code.address != 0 ? 1 : 0);
  if (code.kernel || !code.module) {
    frames.push_back(code.kernel ? kernel_frame(code, lookup) : jit_frame(process, code, lookup));
    ++(frames.back().function ? statistics_.named : statistics_.unnamed);
    return;
  }
  Known& module = known(process, code.module);
  const auto found = module.names.find(lookup);
  account(module);
  evict();
  model::Frame frame;
  frame.kind = model::Frame::Kind::kNative;
  frame.address = code.address;
  frame.module = code.module;
  if (found.empty()) {
    ++statistics_.unnamed;
    frames.push_back(std::move(frame));
    return;
  }
  for (const NamedCode& each : found) {
    frame.kind = each.go ? model::Frame::Kind::kGo : model::Frame::Kind::kNative;
    frame.inlined = each.inlined;
    frame.line = each.line;
    frame.function = each.function;
    frames.push_back(frame);
    ++statistics_.named;
  }
}

}  // namespace hostlens::symbols
