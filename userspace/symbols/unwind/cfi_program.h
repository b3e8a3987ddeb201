// SPDX-License-Identifier: Apache-2.0
// Runs call frame instructions: from a CIE's and an FDE's bytes to rules by address. DWARF 5
// section 6.4.2, GNU's additions from LSB 5.0 Core section 10.5 and the GNU assembler.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "symbols/unwind/cfi_section.h"
#include "symbols/unwind/frame_rules.h"

namespace hostlens::symbols {

/// Takes the rules of one FDE after the other, each in ascending order without gaps.
class RuleSink {
 public:
  RuleSink() = default;
  RuleSink(const RuleSink&) = delete;
  RuleSink& operator=(const RuleSink&) = delete;
  virtual ~RuleSink() = default;

  enum class Failure : uint8_t { kInstruction, kLimit };
  /// `rules` hold in [begin, end).
  virtual void on_rules(uint64_t begin, uint64_t end, const FrameRules& rules,
                        bool signal_frame) = 0;
  /// The instructions cannot be followed from `begin` on.
  virtual void on_failure(uint64_t begin, uint64_t end, Failure failure) = 0;
};

/// Work is linear in the instructions' bytes, memory constant. One thread; reusable.
class CfiProgram {
 public:
  explicit CfiProgram(const FrameEntries& entries) : entries_(entries) {}

  /// Rules of [fde.start, end); `end` may be before the FDE's own, where another one begins.
  void run(const Fde& fde, uint64_t end, RuleSink& sink);

 private:
  static constexpr size_t kRememberedStates = 16;  // GCC nests one, hand-written assembly two
  enum class Step : uint8_t { kGoOn, kAdvance, kFailed, kLimit };

  [[nodiscard]] bool prepare(uint32_t cie);
  Step execute(CfiCursor& cursor);
  Step execute_extended(uint8_t operation, CfiCursor& cursor);
  Step define_cfa(uint8_t operation, CfiCursor& cursor);
  Step set_register(uint8_t operation, CfiCursor& cursor);
  Step advance(uint64_t units);
  Step remember();
  Step recall();
  [[nodiscard]] RegisterRule* rule_of(FrameRules& rules, uint64_t reg) const;
  void set(uint64_t reg, RegisterRule rule);
  void restore(uint64_t reg);
  [[nodiscard]] int64_t factored(int64_t value) const;

  const FrameEntries& entries_;
  const Cie* cie_ = nullptr;
  std::optional<uint32_t> prepared_;  ///< the CIE whose rules initial_ holds
  bool prepared_well_ = false;
  FrameRules initial_;
  FrameRules rules_;
  std::array<FrameRules, kRememberedStates> remembered_;
  size_t remembered_count_ = 0;
  uint64_t location_ = 0;
  uint64_t next_location_ = 0;
};

}  // namespace hostlens::symbols
