// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/kernel_symbols.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <tuple>

namespace hostlens::symbols {
namespace {

constexpr uint64_t kHighHalf = 0xffffffff00000000;
constexpr std::string_view kEndOfText = "_etext";

std::string_view take_word(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  const size_t end = std::min(line.find_first_of(" \t", begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

/// Of several names for one address, global ones first.
uint16_t rank_of(char type) {
  switch (type) {
    case 'T':
      return 0;
    case 'W':
      return 1;
    case 't':
      return 2;
    default:
      return 3;
  }
}

bool is_function(std::string_view type) {
  return type.size() == 1 && std::string_view("TtWw").find(type[0]) != std::string_view::npos;
}

}  // namespace

uint64_t KernelSymbols::bytes() const {
  return entries_.capacity() * sizeof(Entry) + names_.capacity() +
         modules_.capacity() * sizeof(std::string);
}

std::optional<KernelSymbol> KernelSymbols::find(uint64_t address) const {
  if (address < kHighHalf) return std::nullopt;
  const auto next =
      std::ranges::upper_bound(entries_, static_cast<uint32_t>(address), {}, &Entry::low);
  if (next == entries_.begin()) return std::nullopt;
  const Entry& entry = *std::prev(next);
  const char* begin = names_.data() + entry.name;
  const KernelSymbol symbol{.name = {begin, ::strnlen(begin, names_.size() - entry.name)},
                            .module = modules_[entry.module],
                            .start = kHighHalf | entry.low};
  if (symbol.name == kEndOfText) return std::nullopt;
  return symbol;
}

void KernelSymbolsBuilder::feed(std::string_view piece) {
  lines_.feed(piece, [this](std::string_view line) { add_line(line); });
}

uint16_t KernelSymbolsBuilder::module_index(std::string_view name) {
  auto& modules = table_.modules_;
  // Modules come one after the other: it is nearly always the last one.
  if (modules.back() == name) return static_cast<uint16_t>(modules.size() - 1);
  const auto known = std::ranges::find(modules, name);
  if (known != modules.end()) return static_cast<uint16_t>(known - modules.begin());
  if (modules.size() > std::min<size_t>(limits_.modules, UINT16_MAX - 1)) return UINT16_MAX;
  modules.emplace_back(name);
  return static_cast<uint16_t>(modules.size() - 1);
}

void KernelSymbolsBuilder::add_line(std::string_view line) {
  if (line.empty()) return;
  const std::string_view digits = take_word(line);
  const std::string_view type = take_word(line);
  const std::string_view name = take_word(line);
  std::string_view module = take_word(line);
  uint64_t address = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), address, 16);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() || name.empty() ||
      name.find('\0') != std::string_view::npos) {
    ++table_.skipped_;
    return;
  }
  if (!is_function(type)) return;
  if (address == 0) {
    ++hidden_;
    return;
  }
  if (module.starts_with('[') && module.ends_with(']'))
    module = module.substr(1, module.size() - 2);
  const uint16_t index = module_index(module);
  if (address < kHighHalf || index == UINT16_MAX || table_.entries_.size() >= limits_.symbols ||
      table_.names_.size() + name.size() >= limits_.name_bytes) {
    ++table_.skipped_;
    return;
  }
  table_.entries_.push_back({.low = static_cast<uint32_t>(address),
                             .name = static_cast<uint32_t>(table_.names_.size()),
                             .module = index,
                             .rank = rank_of(type[0])});
  table_.names_.insert(table_.names_.end(), name.begin(), name.end());
  table_.names_.push_back('\0');
}

base::Result<std::shared_ptr<const KernelSymbols>> KernelSymbolsBuilder::finish() {
  feed("\n");
  table_.skipped_ += lines_.skipped();
  auto& entries = table_.entries_;
  if (entries.empty() && hidden_ != 0) {
    return base::Error{base::Error::Kind::kDenied, 0, "kernel symbols: their addresses are hidden",
                       "set kernel.kptr_restrict to 0 or 1, and give the agent CAP_SYSLOG"};
  }
  if (entries.empty()) return base::invalid_error("kernel symbols: /proc/kallsyms has none");
  std::ranges::sort(entries, [](const auto& left, const auto& right) {
    return std::tuple(left.low, left.rank, left.name) <
           std::tuple(right.low, right.rank, right.name);
  });
  const auto rest = std::ranges::unique(entries, {}, &KernelSymbols::Entry::low);
  entries.erase(rest.begin(), rest.end());
  entries.shrink_to_fit();
  table_.names_.shrink_to_fit();
  return std::make_shared<const KernelSymbols>(std::move(table_));
}

base::Result<std::shared_ptr<const KernelSymbols>> read_kernel_symbols(int kallsyms) {
  KernelSymbolsBuilder builder;
  std::array<char, 65536> piece{};
  for (;;) {
    const ssize_t got = ::read(kallsyms, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    builder.feed({piece.data(), static_cast<size_t>(got)});
  }
  return builder.finish();
}

}  // namespace hostlens::symbols
