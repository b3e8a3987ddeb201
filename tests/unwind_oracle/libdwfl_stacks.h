// SPDX-License-Identifier: Apache-2.0
// Stacks as elfutils' libdwfl finds them: by ptrace, /proc/PID/mem and its own reading of the
// files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct Dwfl;

namespace hostlens::tests {

struct JudgedFrame {
  uint64_t pc = 0;
  /// The instruction itself, and not what a callee returns to.
  bool is_exact = false;
  std::string module{};  ///< its path, or as libdwfl calls it; empty: in none
  uint64_t address = 0;  ///< ELF virtual address in the module; without one, pc
  /// In one of Go's functions that are on another stack than their DWARF tells
  /// (symbols/unwind/go_stack_switches.h): what libdwfl says of the caller is not so.
  bool is_astray = false;
};

struct JudgedStack {
  std::vector<JudgedFrame> frames{};  ///< leaf first
  std::string error{};                ///< why it is not whole
};

/// Of one process. One thread.
class LibdwflStacks {
 public:
  explicit LibdwflStacks(pid_t pid);
  ~LibdwflStacks();
  LibdwflStacks(const LibdwflStacks&) = delete;
  LibdwflStacks& operator=(const LibdwflStacks&) = delete;

  /// `tid` is stopped under the caller's ptrace. Files are looked at again when the process has
  /// mapped others.
  [[nodiscard]] JudgedStack of_thread(pid_t tid);

 private:
  [[nodiscard]] std::string begin();

  const pid_t pid_;
  Dwfl* dwfl_ = nullptr;
  std::string files_;  ///< its mappings of files when `dwfl_` was begun
};

}  // namespace hostlens::tests
