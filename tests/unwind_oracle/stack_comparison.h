// SPDX-License-Identifier: Apache-2.0
// One stack, twice: by our unwinder and by libdwfl, from the same registers and the same memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "decoders/profile_decoder.h"
#include "unwind_oracle/libdwfl_stacks.h"

namespace hostlens::tests {

enum class StackVerdict : uint8_t {
  kEqual,      ///< every frame, from the leaf to the end
  kTruncated,  ///< every frame that a sample has room for
  /// Down to the first frame in memory without a file (made at run time): nothing describes it, so
  /// from there on both only guess.
  kToMadeCode,
  kJudgeLost,  ///< as far as libdwfl came, which says that there is more or goes astray
  kDifferent
};
inline constexpr size_t kStackVerdicts = 5;

struct StackComparison {
  StackVerdict verdict = StackVerdict::kEqual;
  size_t equal_frames = 0;
  /// The last frame that both have and what follows it in each: "libc.so.6+0x1234: libdwfl ...,
  /// Hostlens ..."; empty where nothing differs.
  std::string difference{};
};

/// What our frames mean.
struct FrameMeaning {
  /// The path of an executable, by its number; "": not known.
  std::function<std::string(uint32_t executable)> path_of;
  /// Whether the process has the code of this frame at `pc`. A file may be mapped more than once
  /// (node does so with V8's own functions), which libdwfl knows nothing of.
  std::function<bool(const decoders::ProfileFrame& frame, uint64_t pc)> is_at;
};

[[nodiscard]] StackComparison compare_stacks(const JudgedStack& judged,
                                             const decoders::ProfileSample& sample,
                                             const FrameMeaning& meaning);

/// Both, a line per frame.
[[nodiscard]] std::string both_stacks(const JudgedStack& judged,
                                      const decoders::ProfileSample& sample,
                                      const FrameMeaning& meaning);

}  // namespace hostlens::tests
