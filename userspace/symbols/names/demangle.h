// SPDX-License-Identifier: Apache-2.0
// Linker names -> names for people: Itanium C++ ABI, Rust legacy and v0.
#pragma once

#include <string>
#include <string_view>

namespace hostlens::symbols {

/// Longer linker names are shown as they are: names of programs have a few hundred bytes, and a
/// decoder's stack and time grow with them.
inline constexpr size_t kMaxMangledBytes = 4096;
/// A name that would come out longer is shown as the linker has it: back references double a
/// hostile one with every six characters.
inline constexpr size_t kMaxNameBytes = 16384;

/// Valid UTF-8 of at most kMaxNameBytes, never empty for a non-empty name: what is mangled in no
/// way we know, or breaks a bound, comes back as it is (cut at the bound). Suffixes of compilers
/// stay visible (`f(int) [clone .cold]`), hashes of Rust do not. 1-20 us, up to 1 MiB of stack for
/// a hostile name. Thread-safe.
[[nodiscard]] std::string demangle(std::string_view linker_name);

}  // namespace hostlens::symbols
