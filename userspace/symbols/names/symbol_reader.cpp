// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/symbol_reader.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <tuple>

namespace hostlens::symbols {
namespace {

constexpr uint64_t kPieceBytes = 256 << 10;
constexpr uint32_t kMaxSize = SymbolTable::kGuessedSize - 1;

base::Error over_limit(const char* what) {
  return base::Error{base::Error::Kind::kBusy, 0, std::string("ELF symbols: too many ") + what, {}};
}

/// Nullopt: no code that a name could be shown for.
std::optional<uint16_t> rank_of(const Elf64_Sym& symbol, bool in_code) {
  const unsigned type = ELF64_ST_TYPE(symbol.st_info);
  const bool function = type == STT_FUNC || type == STT_GNU_IFUNC;
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_name == 0 || !in_code) return std::nullopt;
  if (!function && type != STT_NOTYPE) return std::nullopt;
  unsigned binding = 2;
  if (ELF64_ST_BIND(symbol.st_info) == STB_WEAK) binding = 1;
  if (ELF64_ST_BIND(symbol.st_info) == STB_GLOBAL) binding = 0;
  return static_cast<uint16_t>((function ? 0 : 8) | (symbol.st_size != 0 ? 0 : 4) | binding);
}

/// Names from a string table by ascending offset, through a window of the file.
class NameWindow {
 public:
  NameWindow(const ElfView& elf, uint64_t offset, uint64_t size, uint32_t longest)
      : elf_(elf), offset_(offset), size_(size), longest_(longest) {}

  /// Nullopt: not in the table, or the file cannot be read.
  std::optional<std::string_view> at(uint32_t name) {
    if (name >= size_) return std::nullopt;
    const uint64_t wanted = std::min<uint64_t>(longest_, size_ - name);
    if (name < begin_ || name + wanted > begin_ + window_.size()) {
      const uint64_t size = std::min<uint64_t>(kPieceBytes, size_ - name);
      auto bytes = elf_.read(offset_ + name, size, kPieceBytes);
      if (!bytes) return std::nullopt;
      window_ = *std::move(bytes);
      begin_ = name;
    }
    const char* text = reinterpret_cast<const char*>(window_.data()) + (name - begin_);
    return std::string_view(text, ::strnlen(text, wanted));
  }

 private:
  const ElfView& elf_;
  uint64_t offset_;
  uint64_t size_;
  uint32_t longest_;
  uint64_t begin_ = 0;
  std::vector<std::byte> window_;
};

/// Mapping symbols of other architectures' tools and labels of assemblers name no function.
bool is_label(std::string_view name) {
  return name.empty() || name.front() == '$' || name.starts_with(".L");
}

}  // namespace

base::Result<void> SymbolReader::add(const ElfView& elf, uint32_t type) {
  const auto shared = std::make_shared<const ElfView>(elf);
  for (const ElfSection& section : shared->sections()) {
    if (section.type != type) continue;
    if (auto added = add_table(shared, section); !added) return added;
  }
  return {};
}

base::Result<void> SymbolReader::add_table(const std::shared_ptr<const ElfView>& elf,
                                           const ElfSection& table) {
  const auto& sections = elf->sections();
  if (table.entry_size != sizeof(Elf64_Sym) || table.link >= sections.size() ||
      sections[table.link].type != SHT_STRTAB || (table.flags & SHF_COMPRESSED) != 0) {
    return base::invalid_error("ELF symbols: the table is broken");
  }
  if (strings_.size() >= 16) return over_limit("tables");
  const auto source = static_cast<uint16_t>(strings_.size());
  strings_.push_back({elf, sections[table.link].offset, sections[table.link].size});
  records_ += table.size / sizeof(Elf64_Sym);
  if (records_ > limits_.records) return over_limit("records");

  const uint64_t end = table.size / sizeof(Elf64_Sym) * sizeof(Elf64_Sym);
  constexpr uint64_t kStep = kPieceBytes / sizeof(Elf64_Sym) * sizeof(Elf64_Sym);
  for (uint64_t done = 0; done < end; done += kStep) {
    const auto bytes = elf->read(table.offset + done, std::min(kStep, end - done), kStep);
    if (!bytes) return base::Error(bytes.error());
    base::ByteReader reader(*bytes);
    while (const auto symbol = reader.read<Elf64_Sym>()) {
      const ElfSection* home =
          symbol->st_shndx < sections.size() ? &sections[symbol->st_shndx] : nullptr;
      const bool in_code = home != nullptr && (home->flags & SHF_EXECINSTR) != 0 &&
                           symbol->st_value - home->address < home->size;
      const auto rank = rank_of(*symbol, in_code);
      if (!rank) continue;
      if (candidates_.size() >= limits_.symbols) return over_limit("functions");
      const uint64_t limit = home->size - (symbol->st_value - home->address);
      candidates_.push_back(
          {.start = symbol->st_value,
           .size = static_cast<uint32_t>(std::min<uint64_t>(symbol->st_size, kMaxSize)),
           .name = symbol->st_name,
           .limit = static_cast<uint32_t>(std::min<uint64_t>(limit, kMaxSize)),
           .source = source,
           .rank = *rank});
    }
  }
  return {};
}

void SymbolReader::keep_best() {
  std::ranges::sort(candidates_, [](const Candidate& left, const Candidate& right) {
    return std::tuple(left.start, left.rank, right.size, left.source, left.name) <
           std::tuple(right.start, right.rank, left.size, right.source, right.name);
  });
  const auto rest = std::ranges::unique(candidates_, {}, &Candidate::start);
  candidates_.erase(rest.begin(), rest.end());
}

void SymbolReader::guess_sizes() {
  for (size_t i = 0; i < candidates_.size(); ++i) {
    Candidate& each = candidates_[i];
    if (each.size != 0) continue;
    uint64_t size = each.limit;
    if (i + 1 < candidates_.size()) size = std::min(size, candidates_[i + 1].start - each.start);
    each.size = static_cast<uint32_t>(size) | SymbolTable::kGuessedSize;
  }
}

bool SymbolReader::names_stay() const {
  uint64_t bytes = 0;
  for (const Strings& each : strings_) {
    bytes += each.size;
    if (!each.elf->source().is_file()) return false;
  }
  return bytes > limits_.kept_names && bytes <= std::numeric_limits<uint32_t>::max();
}

// Names are taken in the order of the string tables, so that each is read once, in pieces. A name
// that is not there takes its symbol with it.
base::Result<SymbolNames> SymbolReader::take_names() {
  std::ranges::sort(candidates_, [](const Candidate& left, const Candidate& right) {
    return std::tuple(left.source, left.name) < std::tuple(right.source, right.name);
  });
  const bool stay = names_stay();
  std::vector<SymbolNames::Part> parts;
  uint32_t first = 0;
  for (const Strings& each : strings_) {
    if (!stay) break;
    const auto size = static_cast<uint32_t>(each.size);
    parts.push_back({each.elf->shared_source(), each.offset, size, first});
    first += size;
  }
  std::vector<char> names;
  std::optional<NameWindow> window;
  size_t kept = 0;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    Candidate each = candidates_[i];
    if (i == 0 || each.source != candidates_[i - 1].source || !window) {
      const Strings& strings = strings_[each.source];
      window.emplace(*strings.elf, strings.offset, strings.size, limits_.name_bytes);
    }
    const auto name = window->at(each.name);
    if (!name || is_label(*name)) continue;
    const std::string_view bare = without_version(*name);
    const uint64_t bytes = stay ? 0 : names.size() + bare.size() + 1;
    if (bytes + (kept + 1) * sizeof(SymbolTable::Entry) > limits_.table_bytes) {
      return over_limit("bytes of names");
    }
    if (stay) {
      each.name += parts[each.source].first;
    } else {
      each.name = static_cast<uint32_t>(names.size());
      names.insert(names.end(), bare.begin(), bare.end());
      names.push_back('\0');
    }
    candidates_[kept++] = each;
  }
  candidates_.resize(kept);
  if (stay) return SymbolNames(std::move(parts));
  names.shrink_to_fit();
  return SymbolNames(std::move(names));
}

base::Result<SymbolTable> SymbolReader::finish() {
  keep_best();
  auto names = take_names();
  if (!names) {
    candidates_.clear();
    return std::move(names).error();
  }
  std::ranges::sort(candidates_, {}, &Candidate::start);
  guess_sizes();
  std::vector<SymbolTable::Entry> entries;
  entries.reserve(candidates_.size());
  for (const Candidate& each : candidates_) entries.push_back({each.start, each.size, each.name});
  candidates_ = {};
  strings_.clear();
  return SymbolTable(std::move(entries), *std::move(names), limits_.name_bytes);
}

base::Result<SymbolTable> read_symbols(const ElfView& elf, const SymbolLimits& limits) {
  SymbolReader reader(limits);
  if (auto added = reader.add(elf, SHT_SYMTAB); !added) return std::move(added).error();
  if (reader.candidates() == 0) {
    if (auto added = reader.add(elf, SHT_DYNSYM); !added) return std::move(added).error();
  }
  return reader.finish();
}

}  // namespace hostlens::symbols
