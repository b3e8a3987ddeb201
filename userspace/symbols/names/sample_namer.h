// SPDX-License-Identifier: Apache-2.0
// From addresses to names: what the sampler sent -> a sample that people can read.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "decoders/profile_decoder.h"
#include "kernel/code_files.h"
#include "model/stack.h"
#include "symbols/code/code_tracker.h"
#include "symbols/names/kernel_symbols.h"
#include "symbols/names/symbol_table.h"

namespace hostlens::symbols {

/// Tables of names are read when a file is first met, some milliseconds to half a second for the
/// largest, and kept. Names are found once per address. One thread, that of the tracker.
class SampleNamer {
 public:
  /// Both must outlive it.
  SampleNamer(const CodeTracker& tracker, kernel::CodeFiles& files)
      : tracker_(tracker), files_(files) {}

  /// Everything of the sample that it tells by itself: no service, no container, no process name.
  [[nodiscard]] model::Sample name(const decoders::ProfileSample& sample);

  [[nodiscard]] size_t tables() const { return modules_.size(); }

 private:
  /// What frames are found again by: all of them are forgotten when there are so many.
  static constexpr size_t kMostFrames = 200'000;
  static constexpr size_t kMostTables = 512;

  struct NamedModule {
    std::shared_ptr<const ElfView> elf;  ///< whose number it is: numbers are given again
    std::shared_ptr<const model::Module> module;
    SymbolTable symbols;
    bool is_go = false;
    std::unordered_map<uint32_t, std::shared_ptr<const model::Function>> functions;
  };
  struct FrameKey {
    uint32_t executable = 0;  ///< 0: of the kernel
    uint64_t address = 0;
    bool operator==(const FrameKey&) const = default;
  };
  struct FrameKeyHash {
    size_t operator()(const FrameKey& key) const;
  };

  [[nodiscard]] model::Frame kernel_frame(uint64_t address);
  [[nodiscard]] model::Frame user_frame(const decoders::ProfileFrame& frame);
  [[nodiscard]] NamedModule* module_of(uint32_t executable);
  void load_kernel_symbols();

  const CodeTracker& tracker_;
  kernel::CodeFiles& files_;
  std::unordered_map<uint32_t, NamedModule> modules_;  ///< by number of the executable
  std::unordered_map<FrameKey, model::Frame, FrameKeyHash> frames_;
  std::shared_ptr<const KernelSymbols> kernel_;
  bool kernel_tried_ = false;
};

/// Whether the stack is whole. Of one that ended at a frame pointer or return address of 0 the name
/// of its last function decides: an entry of a thread has no caller.
[[nodiscard]] bool is_complete(const model::Sample& sample, profile_outcome outcome);

/// "complete", "truncated", "no_mapping" ...: the attribute `outcome` of hostlens.profile.samples.
[[nodiscard]] std::string_view outcome_text(profile_outcome outcome);

}  // namespace hostlens::symbols
