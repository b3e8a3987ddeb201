// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/python_program.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "symbols/elf/elf_symbols.h"

namespace hostlens::symbols {
namespace {

constexpr std::string_view kEval = "_PyEval_EvalFrameDefault";
constexpr uint64_t kMostSymbolBytes = 64U << 20;
/// A function of some 50 KiB; what claims to be larger is none.
constexpr uint64_t kMostEvalBytes = 1 << 20;
constexpr size_t kMostRanges = 8;

struct Symbols {
  std::optional<Elf64_Sym> runtime, version;
  std::vector<CodeRange> eval;
};

void take(const Elf64_Sym& symbol, std::string_view name, Symbols& found) {
  if (name == "_PyRuntime") found.runtime = symbol;
  if (name == "Py_Version") found.version = symbol;
  if (!name.starts_with(kEval)) return;
  // GCC's names for parts: .cold, .part.0, .lto_priv.0.cold
  const bool whole = name.size() == kEval.size() || name[kEval.size()] == '.';
  if (!whole || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0 ||
      symbol.st_size > kMostEvalBytes || found.eval.size() == kMostRanges) {
    return;
  }
  const CodeRange range{symbol.st_value, symbol.st_value + symbol.st_size};
  // The whole function is in both tables.
  if (std::find(found.eval.begin(), found.eval.end(), range) == found.eval.end()) {
    found.eval.push_back(range);
  }
}

template <typename T>
std::optional<T> value_at(const ElfView& elf, uint64_t address) {
  const auto offset = elf.offset_of(address);
  if (!offset) return std::nullopt;
  const auto bytes = elf.read(*offset, sizeof(T), sizeof(T));
  if (!bytes) return std::nullopt;
  return base::ByteReader(*bytes).read<T>();
}

python_version version_of_minor(unsigned minor) {
  constexpr unsigned kFirst = 9;
  if (minor < kFirst || minor - kFirst + PYTHON_3_9 >= PYTHON_VERSION_COUNT) return PYTHON_UNKNOWN;
  return static_cast<python_version>(minor - kFirst + PYTHON_3_9);
}

/// From 3.11 on the file says it: PY_VERSION_HEX.
python_version version_of(const ElfView& elf, const Symbols& symbols, std::string_view path) {
  if (!symbols.version) return python_version_of_name(path);
  const auto hex = value_at<uint64_t>(elf, symbols.version->st_value);
  constexpr uint64_t kMajor = 3;
  if (!hex || *hex >> 24U != kMajor) return PYTHON_UNKNOWN;
  return version_of_minor(*hex >> 16U & 0xffU);
}

/// 3.13 describes itself at the beginning of _PyRuntime (_Py_DebugOffsets): whether it has a GIL.
bool has_known_layout(const ElfView& elf, const Symbols& symbols, python_version version) {
  constexpr std::array<char, 8> kCookie{'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'};
  constexpr uint64_t kFreeThreaded = 16;  // behind the cookie and the version
  if (version < PYTHON_3_13) return true;
  const uint64_t runtime = symbols.runtime->st_value;
  const auto cookie = value_at<std::array<char, 8>>(elf, runtime);
  const auto hex = value_at<uint64_t>(elf, runtime + kCookie.size());
  const auto free_threaded = value_at<uint64_t>(elf, runtime + kFreeThreaded);
  return cookie == kCookie && hex && version_of_minor(*hex >> 16U & 0xffU) == version &&
         free_threaded == 0;
}

std::string_view base_name(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

bool PythonProgram::is_eval(uint64_t address) const {
  return std::any_of(eval.begin(), eval.end(), [&](const CodeRange& range) {
    return address >= range.start && address < range.limit;
  });
}

python_version python_version_of_name(std::string_view path) {
  std::string_view name = base_name(path);
  if (name.starts_with("lib")) name.remove_prefix(3);
  constexpr std::string_view kPrefix = "python3.";
  if (!name.starts_with(kPrefix)) return PYTHON_UNKNOWN;
  name.remove_prefix(kPrefix.size());
  unsigned minor = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), minor);
  if (error != std::errc()) return PYTHON_UNKNOWN;
  // Letters are for other builds: d, t.
  const std::string_view rest = name.substr(static_cast<size_t>(end - name.data()));
  if (!rest.empty() && rest.front() != '.') return PYTHON_UNKNOWN;
  return version_of_minor(minor);
}

std::optional<PythonProgram> read_python_program(const ElfView& elf, std::string_view path) {
  const std::string_view name = base_name(path);
  if (!name.starts_with("libpython3.") && !name.starts_with("python") &&
      !name.starts_with("uwsgi")) {
    return std::nullopt;
  }
  Symbols symbols;
  for (const uint32_t type : {uint32_t{SHT_DYNSYM}, uint32_t{SHT_SYMTAB}}) {
    visit_symbols(elf, type, kMostSymbolBytes,
                  [&](const Elf64_Sym& symbol, std::string_view of) { take(symbol, of, symbols); });
  }
  if (!symbols.runtime || symbols.eval.empty()) return std::nullopt;
  PythonProgram program;
  program.version = version_of(elf, symbols, path);
  program.runtime = symbols.runtime->st_value;
  program.eval = std::move(symbols.eval);
  if (program.version == PYTHON_UNKNOWN || !has_known_layout(elf, symbols, program.version)) {
    return std::nullopt;
  }
  if (program.eval.size() == 1) {  // no symbol of a part: stripped, or there is none
    const auto parts = find_split_parts(elf, program.eval.front());
    program.eval.insert(program.eval.end(), parts.begin(), parts.end());
  }
  return program;
}

}  // namespace hostlens::symbols
