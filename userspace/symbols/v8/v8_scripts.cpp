// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_scripts.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/hash.h"

namespace hostlens::symbols {
namespace {

constexpr size_t kWord = 8;

std::vector<uint32_t> lines_of(V8Heap& heap, uint64_t source) {
  const auto flat = heap.flat(source);
  if (!flat) return {};
  std::vector<uint32_t> starts{0};
  const uint64_t bytes =
      std::min<uint64_t>(uint64_t{flat->length} * flat->width, V8Scripts::kMostSourceBytes);
  for (uint64_t at = 0; at < bytes;) {
    const auto want =
        static_cast<uint32_t>(std::min<uint64_t>(bytes - at, kernel::ProcessMemory::kMostBytes));
    const auto piece = heap.read(flat->address + at, want);
    if (!piece || piece->size() < want) return {};
    for (size_t i = 0; i < want; i += flat->width) {
      uint16_t unit = 0;
      std::memcpy(&unit, piece->data() + i, flat->width);
      if (unit == '\n') starts.push_back(static_cast<uint32_t>((at + i) / flat->width + 1));
    }
    at += want;
  }
  // Behind what was read, nobody knows.
  starts.push_back(static_cast<uint32_t>(bytes / flat->width + 1));
  return starts;
}

}  // namespace

uint32_t V8Script::line(int32_t position) const {
  if (position < 0 || line_starts.empty()) return 0;
  const auto next =
      std::upper_bound(line_starts.begin(), line_starts.end(), static_cast<uint32_t>(position));
  return next == line_starts.end() ? 0 : static_cast<uint32_t>(next - line_starts.begin());
}

std::string v8_file_of(std::string name) {
  constexpr std::string_view kScheme = "file://";
  if (!name.starts_with(kScheme)) return name;
  std::string path;
  for (size_t i = kScheme.size(); i < name.size(); ++i) {
    unsigned value = 0;
    const char* const digits = name.data() + i + 1;
    if (name[i] == '%' && i + 2 < name.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      path += static_cast<char>(value);
      i += 2;
    } else {
      path += name[i];
    }
  }
  return path;
}

size_t V8Scripts::KeyHash::operator()(const Key& key) const {
  return base::mix(base::mix(key.process.pid, key.process.start_ticks), key.pointer);
}

std::shared_ptr<const V8Script> V8Scripts::read(V8Heap& heap, const model::ProcessKey& process,
                                                uint64_t pointer) {
  const V8Layout& layout = heap.layout();
  const uint16_t last = std::max(layout.script_name, layout.script_source.value_or(0));
  const auto object = heap.object(pointer, last + uint32_t{kWord});
  if (!object || object->type != layout.script_type) return nullptr;
  const uint64_t name = object->word(layout.script_name).value_or(0);
  const uint64_t source =
      layout.script_source ? object->word(*layout.script_source).value_or(0) : 0;
  auto& known = scripts_[{process, pointer}];
  if (known != nullptr && known->name == name && known->source == source) return known;
  auto script = std::make_shared<V8Script>();
  script->name = name;
  script->source = source;
  script->file = v8_file_of(heap.string(name, kFileCharacters).value_or(std::string()));
  if (layout.script_source) script->line_starts = lines_of(heap, source);
  lines_ += script->line_starts.size();
  lines_ -= known == nullptr ? 0 : known->line_starts.size();
  known = script;
  if (scripts_.size() > kMostScripts || lines_ > kMostLines) {
    scripts_.clear();
    lines_ = 0;
  }
  return script;
}

}  // namespace hostlens::symbols
