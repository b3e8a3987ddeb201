// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/code_object.h"

#include <algorithm>

#include "base/utf8.h"

namespace hostlens::symbols {
namespace {

using base::Bytes;

// The same in all these versions (cpython/unicodeobject.h, bytesobject.h).
constexpr size_t kStrLength = 16;
constexpr size_t kStrState = 32;  ///< interned 2 bits, kind 3, compact 1, ascii 1
constexpr size_t kBytesLength = 16;
constexpr size_t kBytesStart = 32;
/// Nothing that is read at all has more.
constexpr uint64_t kMostLength = 1 << 30;
constexpr uint32_t kReplacement = 0xfffd;

template <typename T>
std::optional<T> at(Bytes bytes, size_t offset) {
  if (offset > bytes.size()) return std::nullopt;
  return base::ByteReader(bytes.subspan(offset)).read<T>();
}

const python_layout* layout_of(python_version version) {
  return version > PYTHON_UNKNOWN && version < PYTHON_VERSION_COUNT ? &python_layouts[version]
                                                                    : nullptr;
}

struct Str {
  uint64_t length = 0;  ///< characters, as many as are wanted
  uint32_t width = 0;   ///< bytes of each
  size_t start = 0;
};

std::optional<Str> str_of(python_version version, Bytes object, uint32_t most) {
  const python_layout* const layout = layout_of(version);
  const auto length = at<uint64_t>(object, kStrLength);
  const auto state = at<uint32_t>(object, kStrState);
  if (layout == nullptr || !length || !state || *length > kMostLength) return std::nullopt;
  const uint32_t kind = *state >> 2U & 7U;
  const bool compact = (*state >> 5U & 1U) != 0;
  const bool ascii = (*state >> 6U & 1U) != 0;
  if (!compact || (kind != 1 && kind != 2 && kind != 4) || (ascii && kind != 1)) {
    return std::nullopt;
  }
  return Str{std::min<uint64_t>(*length, most), kind,
             ascii ? layout->string_ascii : layout->string_compact};
}

uint32_t character(Bytes object, const Str& str, size_t index) {
  uint32_t value = 0;
  std::memcpy(&value, object.data() + str.start + index * str.width, str.width);
  const bool is_control = value < 0x20 || value == 0x7f;
  const bool is_surrogate = value >= 0xd800 && value < 0xe000;
  return is_control || is_surrogate || value > 0x10ffff ? kReplacement : value;
}

}  // namespace

std::optional<PythonCodeHead> parse_python_code(python_version version, Bytes object) {
  const python_layout* const layout = layout_of(version);
  if (layout == nullptr || object.size() < layout->code_size) return std::nullopt;
  const size_t start = layout->code_start;
  const auto first_line = at<uint32_t>(object, start + layout->code_first_line);
  const auto name = at<uint64_t>(object, start + layout->code_name);
  const auto file = at<uint64_t>(object, layout->code_file);
  const auto lines = at<uint64_t>(object, layout->code_lines);
  if (!first_line || !name || !file || !lines) return std::nullopt;
  return PythonCodeHead{*first_line, *name, *file, *lines, python_code_check(*first_line, *name)};
}

std::optional<uint64_t> python_str_bytes(python_version version, Bytes object, uint32_t most) {
  const auto str = str_of(version, object, most);
  if (!str) return std::nullopt;
  return str->start + str->length * str->width;
}

std::optional<uint64_t> python_bytes_bytes(Bytes object) {
  const auto length = at<uint64_t>(object, kBytesLength);
  if (!length || *length > kMostLength) return std::nullopt;
  return kBytesStart + *length;
}

std::optional<std::string> parse_python_str(python_version version, Bytes object, uint32_t most) {
  const auto str = str_of(version, object, most);
  if (!str || object.size() < str->start + str->length * str->width) return std::nullopt;
  std::string text;
  text.reserve(str->length);
  for (size_t i = 0; i < str->length; ++i) base::append_utf8(text, character(object, *str, i));
  return text;
}

std::optional<Bytes> parse_python_bytes(Bytes object) {
  const auto end = python_bytes_bytes(object);
  if (!end || object.size() < *end) return std::nullopt;
  return object.subspan(kBytesStart, *end - kBytesStart);
}

}  // namespace hostlens::symbols
