// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/java_method.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/utf8.h"
#include "records/hotspot.h"
#include "symbols/hotspot/unsigned5.h"

namespace hostlens::symbols {
namespace {

/// Most symbols are within: one request instead of two.
constexpr uint64_t kFirstBytes = 96;
constexpr uint32_t kMostLine = 65'535;
constexpr uint64_t kWord = 8;

template <typename T>
T value_at(base::Bytes bytes, size_t offset) {
  T value{};
  if (offset <= bytes.size() && bytes.size() - offset >= sizeof value) {
    std::memcpy(&value, bytes.data() + offset, sizeof value);
  }
  return value;
}

/// A Symbol's characters, at most so many.
std::optional<std::string> read_symbol(const HotspotLayout& layout, uint64_t address, uint32_t most,
                                       ProcessWords& words) {
  auto bytes = words.some(address, kFirstBytes);
  if (!bytes || bytes->size() < layout.symbol_body) return std::nullopt;
  const uint64_t length =
      std::min<uint64_t>(value_at<uint16_t>(*bytes, layout.symbol_length), most);
  if (layout.symbol_body + length > bytes->size()) {
    bytes = words.bytes(address, layout.symbol_body + length);
    if (!bytes) return std::nullopt;
  }
  std::string text;
  base::assign_utf8(text,
                    {reinterpret_cast<const char*>(bytes->data()) + layout.symbol_body, length});
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  return text;
}

struct ConstMethod {
  uint64_t pool = 0;
  uint32_t name = 0;
  uint64_t lines = 0;  ///< where its table of lines begins
  uint64_t lines_bytes = 0;
};

std::optional<ConstMethod> read_const_method(const HotspotLayout& layout, uint64_t address,
                                             ProcessWords& words) {
  const auto bytes = words.bytes(address, layout.const_bytes);
  if (!bytes) return std::nullopt;
  ConstMethod method;
  method.pool = value_at<uint64_t>(*bytes, layout.const_pool);
  method.name = value_at<uint16_t>(*bytes, layout.const_name);
  const uint64_t before =
      uint64_t{layout.const_bytes} + value_at<uint16_t>(*bytes, layout.const_code_bytes);
  const uint64_t all = uint64_t{value_at<uint32_t>(*bytes, layout.const_all_bytes)} * kWord;
  if (value_at<uint8_t>(*bytes, layout.const_flags) % 2 != 0 && all > before) {
    method.lines = address + before;
    method.lines_bytes = all - before;
  }
  return method;
}

struct Pool {
  uint64_t holder = 0;
  uint32_t length = 0;
  uint32_t file = 0;  ///< 0: none
};

std::optional<Pool> read_pool(const HotspotLayout& layout, uint64_t address, ProcessWords& words) {
  const auto bytes = words.bytes(address, layout.pool_bytes);
  if (!bytes) return std::nullopt;
  Pool pool{value_at<uint64_t>(*bytes, layout.pool_holder),
            value_at<uint32_t>(*bytes, layout.pool_length), 0};
  if (layout.pool_file != 0) {
    pool.file = value_at<uint16_t>(*bytes, layout.pool_file);
  } else if (layout.klass_file != 0) {
    pool.file = words.at<uint16_t>(pool.holder + layout.klass_file).value_or(0);
  }
  return pool;
}

std::optional<std::string> pool_text(const HotspotLayout& layout, uint64_t address,
                                     const Pool& pool, uint32_t index, uint32_t most,
                                     ProcessWords& words) {
  if (index == 0 || index >= pool.length) return std::nullopt;
  const auto symbol = words.at<uint64_t>(address + layout.pool_bytes + index * kWord);
  if (!symbol) return std::nullopt;
  return read_symbol(layout, *symbol, most, words);
}

/// The file of a class, with the folders of its package.
std::string path_of(std::string_view class_symbol, std::string_view file) {
  const size_t slash = class_symbol.rfind('/');
  const bool is_number = class_symbol.substr(slash + 1).starts_with("0x");  // of a hidden class
  if (slash == std::string_view::npos || is_number) return std::string(file);
  return std::string(class_symbol.substr(0, slash + 1)).append(file);
}

}  // namespace

std::string java_class_name(std::string_view symbol) {
  std::string name(symbol.substr(0, std::min(symbol.find("+0x"), symbol.find("/0x"))));
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

uint32_t java_line(base::Bytes table, int32_t bytecode, int32_t major) {
  constexpr uint8_t kEscape = 0xff;
  const Unsigned5 numbers(major);
  base::ByteReader reader(table);
  int64_t at = 0;
  int64_t line = 0;
  int64_t best = 0;
  int64_t best_at = -1;
  while (const auto byte = reader.read<uint8_t>()) {
    if (*byte == 0) break;
    if (*byte == kEscape) {
      const auto more = numbers.read_signed(reader);
      const auto lines = numbers.read_signed(reader);
      if (!more || !lines) break;
      at += *more;
      line += *lines;
    } else {
      at += *byte >> 3U;
      line += *byte & 7U;
    }
    if (at <= bytecode && at >= best_at) {
      best_at = at;
      best = line;
    }
  }
  return best > 0 && best <= kMostLine ? static_cast<uint32_t>(best) : 0;
}

uint32_t JavaMethod::line(int32_t bytecode) const {
  return bytecode < 0 ? 0 : java_line(lines, bytecode, major);
}

std::optional<uint32_t> java_method_check(const HotspotLayout& layout, uint64_t method,
                                          ProcessWords& words) {
  const auto address = words.at<uint64_t>(method + layout.method_const);
  if (!address || *address == 0) return std::nullopt;
  return hotspot_method_check(*address);
}

std::optional<JavaMethod> read_java_method(const HotspotLayout& layout, uint64_t method,
                                           uint32_t check, ProcessWords& words,
                                           const JavaMethodLimits& limits) {
  const auto address = words.at<uint64_t>(method + layout.method_const);
  if (!address || hotspot_method_check(*address) != check) return std::nullopt;
  const auto parts = read_const_method(layout, *address, words);
  const auto pool = parts ? read_pool(layout, parts->pool, words) : std::nullopt;
  if (!pool) return std::nullopt;
  const auto name = pool_text(layout, parts->pool, *pool, parts->name, limits.name_bytes, words);
  const auto holder = words.at<uint64_t>(pool->holder + layout.klass_name);
  const auto symbol =
      holder ? read_symbol(layout, *holder, limits.name_bytes, words) : std::nullopt;
  if (!name || name->empty() || !symbol || symbol->empty()) return std::nullopt;
  JavaMethod read;
  read.major = layout.major;
  read.name = java_class_name(*symbol) + '.' + *name;
  const auto file = pool_text(layout, parts->pool, *pool, pool->file, limits.name_bytes, words);
  if (file && !file->empty()) read.file = path_of(*symbol, *file);
  if (parts->lines_bytes > 0) {
    auto lines =
        words.some(parts->lines, std::min<uint64_t>(parts->lines_bytes, limits.lines_bytes));
    if (lines && parts->lines_bytes <= limits.lines_bytes) read.lines = *std::move(lines);
  }
  return read;
}

}  // namespace hostlens::symbols
