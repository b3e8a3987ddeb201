// SPDX-License-Identifier: Apache-2.0
#include "symbols/debuginfod/late_names.h"

#include <utility>

#include "symbols/elf/elf_view.h"
#include "symbols/names/refusals.h"

namespace hostlens::symbols {

std::optional<ModuleNames> LateNames::load(const std::string& build_id) const {
  auto file = cache_.open_cached(build_id);
  if (!file) return std::nullopt;
  auto source = FileSource::open(*std::move(file));
  if (!source) return std::nullopt;
  auto elf = ElfView::open(*source);
  if (!elf || elf->build_id() != build_id) return std::nullopt;
  Refusals refusals;  // of a file that was judged when it came
  return ModuleNames::of_image(*elf, ModuleLimits{}, refusals);
}

void LateNames::name(model::Frame& frame) {
  if (frame.function != nullptr || frame.kind != model::Frame::Kind::kNative ||
      frame.module == nullptr || frame.module->build_id.empty()) {
    return;
  }
  const std::string& build_id = frame.module->build_id;
  auto known = files_.find(build_id);
  if (known == files_.end()) known = files_.emplace(build_id, load(build_id)).first;
  if (!known->second) return;
  const auto found = known->second->find(frame.address);
  if (!found.empty()) frame.function = found.front().function;
}

}  // namespace hostlens::symbols
