// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/entry_functions.h"

#include <algorithm>
#include <iterator>

namespace hostlens::symbols {
namespace {

constexpr std::string_view kNames[] = {
    // A process: the C runtime's start files, glibc's caller of main, musl's, the dynamic loader.
    "_start",
    "_start_c",
    "__libc_start_call_main",
    "libc_start_main_stage2",
    "generic_start_main",
    "_dl_start",
    "_dl_start_user",
    "_dlstart",
    // A thread: system calls that return twice, and what they call in glibc, musl and the JVM.
    "clone",
    "clone3",
    "__clone",
    "__clone3",
    "__clone_internal",
    "start_thread",
    "thread_start",
    "start_c11",
    "thread_native_entry",
    "java_start",  // as it was named before JDK 12
    // Go: a goroutine, a thread of its scheduler, a process. Not runtime.mcall and its like, which
    // go to that thread's own stack: what called them is missing, and the stack is not whole.
    "runtime.goexit",
    "runtime.clone",
    "runtime.mstart",
    "runtime.rt0_go",
    "_rt0_amd64",
    "_rt0_amd64_linux",
    "_rt0_amd64_lib",
    // The kernel.
    "ret_from_fork",
    "ret_from_fork_asm",
};

/// In glibc with numbers of versions and aliases behind: "__libc_start_main_impl".
constexpr std::string_view kStartMain = "__libc_start_main";
/// glibc's own, hidden name of an exported function.
constexpr std::string_view kHidden = "__GI_";
/// What compilers append to a function's name when they make another one of it.
constexpr std::string_view kSuffixes[] = {".abi0",  ".abiinternal", ".isra.",     ".part.",
                                          ".cold",  ".constprop.",  ".lto_priv.", ".localalias",
                                          ".llvm.", ".clone."};

}  // namespace

bool is_entry_function(std::string_view name) {
  // A version, the parameters, a compiler's clone of a demangled function.
  name = name.substr(0, name.find_first_of("@( "));
  if (name.starts_with(kHidden)) name.remove_prefix(kHidden.size());
  if (name.starts_with(kStartMain)) return true;
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view entry) {
    if (!name.starts_with(entry)) return false;
    const std::string_view rest = name.substr(entry.size());
    return rest.empty() ||
           std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                       [&](std::string_view suffix) { return rest.starts_with(suffix); });
  });
}

bool ends_at_entry(const model::Stack& stack) {
  return !stack.empty() && stack.root().function != nullptr &&
         is_entry_function(stack.root().function->name);
}

bool is_no_caller(const model::Stack& callers, const model::Frame& entry) {
  if (callers.depth() != 1 || entry.function == nullptr) return false;
  const model::Frame& caller = callers.root();
  return caller.kind == model::Frame::Kind::kUnknown && caller.function == nullptr &&
         caller.module == nullptr && is_entry_function(entry.function->name);
}

}  // namespace hostlens::symbols
