// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/symbol_names.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace hostlens::symbols {

std::string_view without_version(std::string_view name) {
  const size_t at = name.find('@', 1);
  return at == std::string_view::npos ? name : name.substr(0, at);
}

std::string SymbolNames::at(uint32_t place, uint32_t most_bytes) const {
  std::string name;
  if (parts_.empty()) {
    if (place >= kept_.size()) return name;
    name.assign(
        kept_.data() + place,
        ::strnlen(kept_.data() + place, std::min<size_t>(kept_.size() - place, most_bytes)));
  } else {
    const auto after = std::ranges::upper_bound(parts_, place, {}, &Part::first);
    if (after == parts_.begin()) return name;
    const Part& part = *(after - 1);
    const uint32_t within = place - part.first;
    if (within >= part.size) return name;
    name.resize(std::min(most_bytes, part.size - within));
    if (!part.source->read(part.offset + within, std::as_writable_bytes(std::span(name))))
      return {};
    name.resize(::strnlen(name.data(), name.size()));
  }
  name.resize(without_version(name).size());
  return name;
}

}  // namespace hostlens::symbols
