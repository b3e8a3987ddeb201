// SPDX-License-Identifier: Apache-2.0
#include "discovery/runtime_inspection.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include "discovery/command_name.h"
#include "discovery/elf_file.h"
#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

constexpr std::string_view kOpenJdk = "OpenJDK Runtime Environment";
constexpr size_t kMaxVersionBytes = 64;
constexpr size_t kChunkBytes = 1U << 20U;
/// Strings of the largest runtimes (Node carries its own library) lie within.
constexpr uint64_t kMaxScanBytes = 64U << 20U;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

/// "3.11.2" of "3.11.2+ (main": digits and single dots, with one dot at least.
std::string_view leading_version(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && size < kMaxVersionBytes) {
    const bool dot = text[size] == '.' && size > 0 && text[size - 1] != '.';
    if (!is_digit(text[size]) && !dot) break;
    ++size;
  }
  std::string_view version = text.substr(0, size);
  if (version.ends_with('.')) version.remove_suffix(1);
  return version.find('.') == std::string_view::npos ? std::string_view{} : version;
}

/// The first version in .rodata that follows `before`; `counted` bytes of that are its beginning.
std::string find_version(const ElfFile& file, std::string_view before, size_t counted = 0) {
  const ElfFile::Section* const strings = file.section(".rodata");
  if (strings == nullptr) return {};
  const size_t overlap = before.size() + kMaxVersionBytes;
  const uint64_t end = std::min(strings->size, kMaxScanBytes);
  for (uint64_t from = 0; from < end; from += kChunkBytes) {
    const std::string bytes = file.read(*strings, from, kChunkBytes + overlap);
    for (size_t at = bytes.find(before); at != std::string::npos; at = bytes.find(before, at + 1)) {
      const size_t start = at + before.size() - counted;
      const std::string_view version = leading_version(std::string_view(bytes).substr(start));
      if (version.size() > counted) return std::string(version);
    }
    if (bytes.size() < kChunkBytes) break;
  }
  return {};
}

/// "3.11" of "libpython3.11.so.1.0", "3.1" of "libruby-3.1.so.3.1".
std::string version_of_library(std::string_view library, std::string_view stem) {
  library.remove_prefix(std::min(stem.size(), library.size()));
  if (library.starts_with('-')) library.remove_prefix(1);
  if (library.starts_with(".so.")) library.remove_prefix(4);
  return std::string(leading_version(library));
}

std::string version_of_needed(const ElfFile& file, std::string_view stem) {
  for (const std::string& library : file.needed()) {
    if (!library.starts_with(stem)) continue;
    if (std::string version = version_of_library(library, stem); !version.empty()) return version;
  }
  return {};
}

/// PY_VERSION_HEX: 0x030b02f0 is 3.11.2; the last half byte counts releases, the one before tells
/// whether it is one (0xf).
std::string version_of_hex(uint64_t hex) {
  const uint64_t major = hex >> 24U & 0xffU;
  if (major != 3) return {};
  std::string version = std::to_string(major) + "." + std::to_string(hex >> 16U & 0xffU) + "." +
                        std::to_string(hex >> 8U & 0xffU);
  constexpr std::array<std::pair<uint64_t, std::string_view>, 3> kLevels{
      {{0xa, "a"}, {0xb, "b"}, {0xc, "rc"}}};
  for (const auto& [level, letters] : kLevels) {
    if ((hex >> 4U & 0xfU) != level) continue;
    version += std::string(letters) + std::to_string(hex & 0xfU);
  }
  return version;
}

std::string python_version(const ElfFile& file, std::string_view executable) {
  if (const auto address = file.symbol_address("Py_Version")) {  // since 3.11
    const std::string bytes = file.read_address(*address, sizeof(unsigned long));
    if (bytes.size() == sizeof(unsigned long)) {
      unsigned long hex = 0;
      std::memcpy(&hex, bytes.data(), sizeof hex);
      if (std::string version = version_of_hex(hex); !version.empty()) return version;
    }
  }
  std::string version = version_of_needed(file, "libpython");
  if (!version.empty()) return version;
  executable.remove_prefix(std::min(executable.find_first_of("0123456789"), executable.size()));
  version = leading_version(executable);
  if (version.empty()) return {};
  const std::string before = std::string(1, '\0') + version + ".";
  const std::string full = find_version(file, before, before.size() - 1);
  return full.empty() ? version : full;
}

std::string ruby_version(const ElfFile& file) {
  if (const auto address = file.symbol_address("ruby_version")) {
    const std::string bytes = file.read_address(*address, 8);
    if (const auto version = leading_version(bytes); !version.empty()) return std::string(version);
  }
  return version_of_needed(file, "libruby");
}

std::string go_version(const ElfFile& file) {
  const ElfFile::Section* const section = file.section(".go.buildinfo");
  if (section == nullptr) return {};
  return parse_go_version(file.read(*section, 0, 1024), [&](uint64_t address, size_t size) {
    return file.read_address(address, size);
  });
}

std::string ask(const std::function<std::string()>& hint) { return hint ? hint() : std::string(); }

RuntimeIdentity native_runtime(const ElfFile& file) {
  RuntimeIdentity runtime;
  if (const ElfFile::Section* const comment = file.section(".comment")) {
    runtime = parse_compiler_comment(file.read(*comment, 0, 4096));
  }
  if (runtime.name == "rustc") return runtime;
  const bool is_cpp =
      std::any_of(file.needed().begin(), file.needed().end(), [](const std::string& library) {
        return library.starts_with("libstdc++.so") || library.starts_with("libc++.so");
      });
  if (is_cpp) {
    runtime.description = runtime.description.empty() ? "C++" : "C++, " + runtime.description;
  }
  return runtime;
}

/// An interpreter by its own name.
std::optional<RuntimeIdentity> interpreter_runtime(const ElfFile* file, std::string_view executable,
                                                   const RuntimeHints& hints) {
  RuntimeIdentity runtime;
  runtime.name = runtime_name(executable);
  if (executable.starts_with("php-fpm") || executable.starts_with("php-cgi")) runtime.name = "php";
  if (executable == "java") {
    runtime = parse_java_release(ask(hints.java_release));
    if (runtime.name.empty()) runtime = parse_runtime_maps(ask(hints.maps));
    return runtime;
  }
  if (runtime.name.empty()) return std::nullopt;
  if (runtime.name == ".NET") {
    RuntimeIdentity loaded = parse_runtime_maps(ask(hints.maps));
    if (loaded.name == ".NET") return loaded;
  }
  if (file == nullptr) return runtime;
  if (runtime.name == "cpython") runtime.version = python_version(*file, executable);
  if (runtime.name == "nodejs") runtime.version = find_version(*file, "/node-v");
  if (runtime.name == "ruby") runtime.version = ruby_version(*file);
  if (runtime.name == "php") runtime.version = find_version(*file, "PHP/");
  if (runtime.name == "perl") runtime.version = version_of_needed(*file, "libperl");
  return runtime;
}

std::optional<uint64_t> take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

/// A number of the program's word size in our byte order.
std::optional<uint64_t> word_at(std::string_view bytes, size_t at, size_t size) {
  if ((size != 4 && size != 8) || at > bytes.size() || bytes.size() - at < size) {
    return std::nullopt;
  }
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);  // little endian: a shorter one leaves zeros above
  return value;
}

std::string go_text(std::string_view text) {
  const bool known = text.starts_with("go1") || text.starts_with("devel");
  return known && text.size() <= 128 ? clean_text(text, 128) : std::string();
}

}  // namespace

model::Attributes RuntimeIdentity::attributes() const {
  model::Attributes attributes;
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) attributes.push_back({key, clean_text(value)});
  };
  add("process.runtime.name", name);
  add("process.runtime.version", version);
  add("process.runtime.description", description);
  return attributes;
}

std::string parse_go_version(
    std::string_view section,
    const std::function<std::string(uint64_t address, size_t size)>& read_address) {
  constexpr std::string_view kMagic = "\xff Go buildinf:";
  constexpr size_t kHeaderBytes = 32;
  constexpr uint8_t kInline = 2;
  constexpr uint8_t kBigEndian = 1;
  if (!section.starts_with(kMagic) || section.size() < kHeaderBytes) return {};
  const auto word_bytes = static_cast<uint8_t>(section[14]);
  const auto flags = static_cast<uint8_t>(section[15]);
  if ((flags & kInline) != 0) {  // since Go 1.18
    section.remove_prefix(kHeaderBytes);
    const auto size = take_varint(section);
    return size && *size <= section.size() ? go_text(section.substr(0, *size)) : std::string();
  }
  if ((flags & kBigEndian) != 0) return {};
  const auto pointer = word_at(section, 16, word_bytes);  // to a string: address and length
  if (!pointer) return {};
  const std::string text = read_address(*pointer, size_t{2} * word_bytes);
  const auto address = word_at(text, 0, word_bytes);
  const auto size = word_at(text, word_bytes, word_bytes);
  if (!address || !size || *size > 128) return {};
  return go_text(read_address(*address, *size));
}

RuntimeIdentity parse_java_release(std::string_view text) {
  RuntimeIdentity runtime;
  std::string version;
  bool commercial = false;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const size_t equals = line.find("=\"");
    if (equals == std::string_view::npos || !line.ends_with('"') || line.size() < equals + 3) {
      continue;
    }
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 2, line.size() - equals - 3);
    if (key == "JAVA_RUNTIME_VERSION") runtime.version = clean_text(value, 128);
    if (key == "JAVA_VERSION") version = clean_text(value, 128);
    if (key == "IMPLEMENTOR") runtime.description = clean_text(value, 128);
    if (key == "BUILD_TYPE") commercial = value == "commercial";
  }
  if (runtime.version.empty()) runtime.version = version;
  if (runtime.version.empty()) return {};
  runtime.name = commercial ? "Java(TM) SE Runtime Environment" : kOpenJdk;
  return runtime;
}

RuntimeIdentity parse_compiler_comment(std::string_view comment) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kCompilers{
      {{"rustc version ", "rustc"}, {"clang version ", "clang"}, {"GCC: (", "gcc"}}};
  RuntimeIdentity found;
  size_t rank = kCompilers.size();
  while (!comment.empty()) {
    const std::string_view text = comment.substr(0, comment.find('\0'));
    comment.remove_prefix(std::min(text.size() + 1, comment.size()));
    for (size_t i = 0; i < rank; ++i) {
      const size_t at = text.find(kCompilers[i].first);
      if (at == std::string_view::npos) continue;
      // "GCC: (Debian 12.2.0-14) 12.2.0": behind the last parenthesis.
      const size_t version = i == 2 ? text.rfind(") ") : at + kCompilers[i].first.size();
      if (version == std::string_view::npos) continue;
      rank = i;
      found.name = kCompilers[i].second;
      found.version = leading_version(text.substr(i == 2 ? version + 2 : version));
      found.description = clean_text(text, 128);
      break;
    }
  }
  return found;
}

RuntimeIdentity parse_runtime_maps(std::string_view maps) {
  constexpr std::string_view kFramework = "/Microsoft.NETCore.App/";
  RuntimeIdentity runtime;
  runtime.of_this_process = true;
  while (!maps.empty() && runtime.name.empty()) {
    const std::string_view line = maps.substr(0, maps.find('\n'));
    maps.remove_prefix(std::min(line.size() + 1, maps.size()));
    const size_t slash = line.find('/');
    if (slash == std::string_view::npos) continue;
    const std::string_view path = line.substr(slash);
    const std::string_view library = base_name(path);
    if (library == "libjvm.so") {
      runtime.name = kOpenJdk;
    } else if (library == "libcoreclr.so") {
      runtime.name = ".NET";
      const size_t at = path.find(kFramework);
      if (at != std::string_view::npos) {
        runtime.version = leading_version(path.substr(at + kFramework.size()));
      }
    } else if (library.starts_with("libpython3")) {
      runtime.name = "cpython";
      runtime.version = version_of_library(library, "libpython");
    } else if (library.starts_with("libruby")) {
      runtime.name = "ruby";
      runtime.version = version_of_library(library, "libruby");
    } else if (library.starts_with("libphp")) {
      runtime.name = "php";
      runtime.version = version_of_library(library, "libphp");
    } else if (library.starts_with("libnode.so")) {
      runtime.name = "nodejs";
    }
  }
  return runtime;
}

RuntimeIdentity inspect_runtime(int fd, std::string_view path, const RuntimeHints& hints) {
  const std::string_view executable = base_name(path);
  const auto file = ElfFile::open(fd);
  if (file) {
    if (std::string version = go_version(*file); !version.empty()) {
      return {"go", std::move(version), {}, false};
    }
  }
  if (auto runtime = interpreter_runtime(file ? &*file : nullptr, executable, hints)) {
    return *std::move(runtime);
  }
  if (!file) return {};
  RuntimeIdentity runtime = native_runtime(*file);
  if (runtime.name == "rustc") return runtime;
  RuntimeIdentity loaded = parse_runtime_maps(ask(hints.maps));  // embeds one
  return loaded.name.empty() ? runtime : loaded;
}

}  // namespace hostlens::discovery
