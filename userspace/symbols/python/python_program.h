// SPDX-License-Identifier: Apache-2.0
// Which ELF files are CPython, and what the unwinder and the names need to know of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "records/python.h"
#include "symbols/elf/elf_view.h"
#include "symbols/python/split_function.h"

namespace hostlens::symbols {

/// Addresses are ELF virtual addresses of the file.
struct PythonProgram {
  python_version version = PYTHON_UNKNOWN;
  uint64_t runtime = 0;  ///< _PyRuntime
  std::vector<CodeRange>
      eval;  ///< _PyEval_EvalFrameDefault() and the parts that a compiler split off

  /// Of an address inside of an instruction.
  [[nodiscard]] bool is_eval(uint64_t address) const;
};

/// libpython3.N.so*, python3.N and other programs that have CPython in them: those whose file is
/// called python* or uwsgi*. nullopt: another file, another version than 3.9 to 3.13, a build for
/// debugging or without the GIL, or nothing but symbols that do not fit. Some milliseconds.
[[nodiscard]] std::optional<PythonProgram> read_python_program(const ElfView& elf,
                                                               std::string_view path);

/// The version that such a name tells; PYTHON_UNKNOWN: none.
[[nodiscard]] python_version python_version_of_name(std::string_view path);

}  // namespace hostlens::symbols
