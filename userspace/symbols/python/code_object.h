// SPDX-License-Identifier: Apache-2.0
// Objects of CPython as they lie in the memory of a process: code objects, strings, bytes. Pure;
// the bytes are anybody's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/byte_reader.h"
#include "records/python.h"

namespace hostlens::symbols {

/// What a PyCodeObject says and where the rest is.
struct PythonCodeHead {
  uint32_t first_line = 0;
  uint64_t name = 0;   ///< co_qualname; co_name where there is none. A str, as the next one
  uint64_t file = 0;   ///< co_filename
  uint64_t lines = 0;  ///< co_lnotab (3.9), co_linetable. A bytes
  uint32_t check = 0;  ///< python_code_check()
};

/// Its bytes from the beginning, python_layout.code_size of them. nullopt: too few, or no version.
[[nodiscard]] std::optional<PythonCodeHead> parse_python_code(python_version version,
                                                              base::Bytes object);

/// How many bytes from the object's beginning hold all of it. nullopt: it is no object of the kind,
/// or `object` has less than its fixed part. Of a str: `most` characters of it.
[[nodiscard]] std::optional<uint64_t> python_str_bytes(python_version version, base::Bytes object,
                                                       uint32_t most);
[[nodiscard]] std::optional<uint64_t> python_bytes_bytes(base::Bytes object);

/// In UTF-8, at most `most` characters. nullopt: no str, or bytes are missing. Lone surrogates
/// (which stand for bytes of a file's name that are no UTF-8) become U+FFFD, and so do control
/// characters.
[[nodiscard]] std::optional<std::string> parse_python_str(python_version version,
                                                          base::Bytes object, uint32_t most);
/// A view into `object`.
[[nodiscard]] std::optional<base::Bytes> parse_python_bytes(base::Bytes object);

}  // namespace hostlens::symbols
