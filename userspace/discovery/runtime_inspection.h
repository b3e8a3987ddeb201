// SPDX-License-Identifier: Apache-2.0
// Which language runtime a program is, and of which version, by its own file.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "model/attribute.h"

namespace hostlens::discovery {

/// process.runtime.* of the conventions: what the runtime calls itself, without modification; a
/// native program is told by its compiler. "" is unknown.
struct RuntimeIdentity {
  std::string name;         ///< "cpython", "nodejs", "go", "OpenJDK Runtime Environment", "rustc"
  std::string version;      ///< "3.11.2", "20.20.2", "go1.22.1", "17.0.15+6-Debian-1deb12u1"
  std::string description;  ///< vendor, language of a native program
  /// Not told by the file alone, but by what the process loaded: another process of the same file
  /// may run another one.
  bool of_this_process = false;

  [[nodiscard]] model::Attributes attributes() const;
};

/// What is asked for only when the file does not tell, at most once each; "" when refused.
struct RuntimeHints {
  std::function<std::string()> maps;          ///< /proc/PID/maps
  std::function<std::string()> java_release;  ///< the JVM's file `release`
};

/// `fd`: the executable, `path`: its name. Reads up to some MiB of it; blocks on its medium.
///
///   Go       .go.buildinfo                       Python  Py_Version, soname of libpython, strings
///   Java     file `release`                      Node    its own download address in .rodata
///   Ruby     ruby_version, soname of libruby     PHP     "PHP/8.2.7" in .rodata
///   .NET     path of libcoreclr in the maps      Perl    soname of libperl
///   Rust, C++, C   .comment, libstdc++ among the needed libraries
[[nodiscard]] RuntimeIdentity inspect_runtime(int fd, std::string_view path,
                                              const RuntimeHints& hints);

/// Version in .go.buildinfo's bytes; `read_address(address, size)` follows pointers of before 1.18.
[[nodiscard]] std::string parse_go_version(
    std::string_view section,
    const std::function<std::string(uint64_t address, size_t size)>& read_address);

/// A JVM's file `release`: KEY="VALUE" lines.
[[nodiscard]] RuntimeIdentity parse_java_release(std::string_view text);

/// .comment: NUL-separated names of compilers. "rustc" before "clang" before "gcc", since the start
/// files of every program are gcc's.
[[nodiscard]] RuntimeIdentity parse_compiler_comment(std::string_view comment);

/// The runtime whose library the process has loaded.
[[nodiscard]] RuntimeIdentity parse_runtime_maps(std::string_view maps);

}  // namespace hostlens::discovery
