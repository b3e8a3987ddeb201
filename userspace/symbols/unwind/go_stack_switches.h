// SPDX-License-Identifier: Apache-2.0
// Functions of Go's runtime where the depth of the stack does not lead to the caller, because they
// changed the stack or the kernel entered them. runtime/asm_amd64.s, runtime/sys_linux_amd64.s and
// mstart0 of runtime/proc.go, Go 1.17 to 1.26.
//   systemstack, asmcgocall   call on the thread's own stack and keep the goroutine's frame pointer
//                             in rbp. Before Go 1.21 that is the frame of the function that called
//                             them, which then is missing: its caller is what is found.
//   mcall, morestack          leave the goroutine: on the thread's own stack, above what they call,
//                             is mstart.
//   mstart                    begins a thread's own stack. What called it may be C's start of a
//                             thread by way of assembly that nobody describes.
//   sigreturn                 is what a signal handler returns to.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "records/unwind.h"
#include "symbols/elf/elf_view.h"
#include "symbols/names/go_line_table.h"

namespace hostlens::symbols {

/// `row` (its pc_low is 0) holds in [begin, end), in the file's own addresses.
struct GoRow {
  uint64_t begin = 0;
  uint64_t end = 0;
  unwind_row row{};
};

/// The row of a function that is `bytes` below its return address. Below that one is the caller's
/// rbp in every function with a frame, which Go's DWARF does not tell.
[[nodiscard]] unwind_row go_row(int64_t bytes);

/// Of one file. Immutable, any thread. Memory: some bytes for each of these functions.
class GoStackSwitches {
 public:
  GoStackSwitches(const ElfView& file, const GoLineTable& functions);

  /// Appends the rows for a part of a function, ascending: more where the stack is changed in it.
  void append_rows(uint32_t function, const GoStackDepth& depth, std::vector<GoRow>& rows) const;

 private:
  enum class Kind : uint8_t {
    kKeepsFramePointer,
    kLeavesGoroutine,
    kThreadStart,
    kThreadsFirstFrame,
    kSignalReturn,
  };
  struct Switch {
    Kind kind = Kind::kKeepsFramePointer;
    uint64_t begin = 0;  ///< where the depth does not lead to the caller any more
    uint64_t end = UINT64_MAX;
    int32_t depth = 0;  ///< what it has at least there
  };

  void add(Kind kind, uint32_t function, const ElfView& file, const GoLineTable& functions);

  std::unordered_map<uint32_t, Switch> switches_;  ///< by the number of the function
  int32_t depth_of_mstart_ = 0;
  uint32_t signal_return_ = 0;
  uint64_t signal_row_ = UINT64_MAX;  ///< where it begins: a byte before the function
};

}  // namespace hostlens::symbols
