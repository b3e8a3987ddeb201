// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/module_names.h"

#include <elf.h>
#include <fcntl.h>

#include <algorithm>

#include "base/utf8.h"
#include "symbols/names/demangle.h"
#include "symbols/names/symbol_reader.h"

namespace hostlens::symbols {
namespace {

using Reason = Refusals::Reason;

base::UniqueFd duplicate(const base::UniqueFd& file) {
  return base::UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
}

bool has_section(const ElfView& elf, uint32_t type) {
  return std::ranges::find(elf.sections(), type, &ElfSection::type) != elf.sections().end();
}

uint64_t cost(const model::Function& function) {
  return 192 + function.name.capacity() + function.file.capacity() +
         function.system_name.capacity();
}

std::shared_ptr<const model::Function> made_of(std::string_view linker_name, std::string_view file,
                                               bool mangled) {
  auto made = std::make_shared<model::Function>();
  if (mangled) {
    made->name = demangle(linker_name);
  } else {
    base::assign_utf8(made->name, linker_name);
  }
  base::assign_utf8(made->file, file);
  if (made->name != linker_name) base::assign_utf8(made->system_name, linker_name);
  return made;
}

}  // namespace

ModuleNames ModuleNames::of_image(const ElfView& elf, const ModuleLimits& limits,
                                  Refusals& refusals) {
  ModuleNames names(limits.functions);
  names.load_symbols(elf, nullptr, limits, refusals);
  if (names.empty()) refusals.count(Reason::kNoSymbols);
  return names;
}

ModuleNames ModuleNames::load(base::UniqueFd file, const OpenDebugFile& open_debug_file,
                              const ModuleLimits& limits, const std::function<uint64_t()>& now_ns,
                              Refusals& refusals) {
  ModuleNames names(limits.functions);
  base::UniqueFd own = limits.inlines ? duplicate(file) : base::UniqueFd();
  auto source = FileSource::open(std::move(file));
  auto elf = source ? ElfView::open(*source) : base::Result<ElfView>(source.error());
  if (!elf) {
    refusals.count(elf.error());
    return names;
  }
  names.load_go(*elf, limits, refusals);
  const bool has_lines = elf->section(".debug_info") != nullptr;
  const bool complete = has_section(*elf, SHT_SYMTAB) && (has_lines || !limits.inlines);
  std::optional<DebugFile> debug;
  // Go's own table says all that its debug files would.
  if (!complete && !names.go_) debug = find_debug_file(*elf, open_debug_file, refusals);
  names.load_symbols(*elf, debug ? &debug->elf : nullptr, limits, refusals);
  if (limits.inlines && !names.go_ && (has_lines || debug)) {
    auto lines = SourceLines::open(has_lines ? std::move(own) : std::move(debug->descriptor),
                                   limits.source, now_ns);
    if (lines) {
      names.source_ = *std::move(lines);
    } else {
      refusals.count(lines.error());
    }
  }
  if (names.empty()) refusals.count(Reason::kNoSymbols);
  return names;
}

void ModuleNames::load_go(const ElfView& elf, const ModuleLimits& limits, Refusals& refusals) {
  auto go = open_go_program(elf, limits.go);
  if (go) {
    go_ = *std::move(go);
  } else if (go.error().kind != base::Error::Kind::kNotFound) {
    refusals.count(go.error());
  }
}

void ModuleNames::load_symbols(const ElfView& elf, const ElfView* debug, const ModuleLimits& limits,
                               Refusals& refusals) {
  // Go without C has all of its functions in its own table.
  if (go_ && elf.segment(PT_INTERP) == nullptr) return;
  SymbolReader reader(limits.symbols);
  const auto add = [&](const ElfView& from, uint32_t type) {
    if (auto added = reader.add(from, type); !added) refusals.count(added.error());
  };
  add(elf, SHT_SYMTAB);
  if (reader.candidates() == 0 && debug != nullptr) add(*debug, SHT_SYMTAB);
  if (reader.candidates() == 0) {
    const auto inner = open_debug_data(elf, limits.debug_data);
    if (inner) {
      add(*inner, SHT_SYMTAB);
    } else if (inner.error().kind != base::Error::Kind::kNotFound) {
      refusals.count(inner.error());
    }
    add(elf, SHT_DYNSYM);  // the compressed table leaves out what is here
  }
  auto table = reader.finish();
  if (!table) {
    refusals.count(table.error());
    add(elf, SHT_DYNSYM);  // exported names are better than none
    table = reader.finish();
  }
  if (table) table_ = *std::move(table);
}

uint64_t ModuleNames::bytes() const {
  return sizeof *this + table_.bytes() + (go_ ? go_->bytes() : 0) +
         (source_ ? source_->bytes() : 0) + function_bytes_;
}

std::shared_ptr<const model::Function> ModuleNames::function(std::string_view linker_name,
                                                             std::string_view file, bool mangled) {
  key_.assign(linker_name);
  key_ += '\0';
  key_ += file;
  if (const auto known = functions_.find(key_); known != functions_.end()) return known->second;
  make_room();
  auto made = made_of(linker_name, file, mangled);
  function_bytes_ += cost(*made) + key_.size();
  functions_.emplace(key_, made);
  return made;
}

/// Null: the name is not in the file any more.
std::shared_ptr<const model::Function> ModuleNames::function_of(const FoundSymbol& symbol) {
  if (const auto known = by_symbol_.find(symbol.index); known != by_symbol_.end()) {
    return known->second;
  }
  const std::string name = table_.name_of(symbol.index);
  if (name.empty()) return nullptr;
  make_room();
  auto made = made_of(name, {}, true);
  function_bytes_ += cost(*made);
  by_symbol_.emplace(symbol.index, made);
  return made;
}

void ModuleNames::make_room() {
  if (functions_.size() + by_symbol_.size() < max_functions_) return;
  functions_.clear();
  by_symbol_.clear();
  function_bytes_ = 0;
}

std::vector<NamedCode> ModuleNames::find(uint64_t address) {
  std::vector<NamedCode> found;
  if (go_) {
    if (const auto place = go_->find(address)) {
      found.push_back({function(place->function, place->file, false), place->line, false, true});
      return found;
    }
  }
  const auto symbol = table_.find(address);
  if (source_) {
    auto frames = source_->find(address);
    for (size_t i = 0; i < frames.size(); ++i) {
      const bool outer = i + 1 == frames.size();
      // The linker's name of the function is the better one: it has the clone's suffix.
      const std::string name = outer && symbol ? table_.name_of(symbol->index) : frames[i].function;
      if (name.empty()) continue;
      found.push_back({function(name, frames[i].file, true), frames[i].line, !outer, false});
    }
    if (!found.empty()) return found;
  }
  if (auto function = symbol ? function_of(*symbol) : nullptr) {
    found.push_back({std::move(function), 0, false, false});
  }
  return found;
}

}  // namespace hostlens::symbols
