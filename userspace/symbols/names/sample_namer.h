// SPDX-License-Identifier: Apache-2.0
// From addresses to names: what the sampler sent -> a sample that people can read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "decoders/profile_decoder.h"
#include "kernel/code_files.h"
#include "kernel/host_access.h"
#include "model/stack.h"
#include "symbols/code/code_tracker.h"
#include "symbols/debuginfod/symbol_downloads.h"
#include "symbols/hotspot/java_names.h"
#include "symbols/names/known_stacks.h"
#include "symbols/names/sample_parts.h"
#include "symbols/names/symbol_files.h"
#include "symbols/names/symbolizer.h"
#include "symbols/python/python_names.h"
#include "symbols/v8/v8_inlined.h"
#include "symbols/v8/v8_names.h"

namespace hostlens::symbols {

/// How samples of threads that run Python came out.
struct PythonFigures {
  uint64_t samples = 0;      ///< with Python frames
  uint64_t frames = 0;       ///< of Python
  uint64_t named = 0;        ///< of these, with the name of a function
  uint64_t native_left = 0;  ///< frames of the interpreter's loop that no Python frames stand for
  uint64_t python_left = 0;  ///< Python frames whose place among native ones is a guess
};

/// How frames of Java came out.
struct JavaFigures {
  uint64_t samples = 0;  ///< with frames of generated code
  uint64_t frames = 0;   ///< of it, inlined ones too
  uint64_t named = 0;    ///< of these
};

/// How samples of threads that run JavaScript in V8 came out.
struct V8Figures {
  uint64_t samples = 0;  ///< with functions of it
  uint64_t frames = 0;   ///< functions of it, inlined ones too
  uint64_t named = 0;    ///< of these, with the name of a function
  uint64_t inlined = 0;  ///< of these, into their caller
};

/// A stack is named once, then found again with all that repeats of it (KnownStacks); names are
/// found once per address, and tables of names read when a file is first met: see Symbolizer. One
/// thread, that of the tracker.
class SampleNamer {
 public:
  /// All must outlive it. `downloads`: null without servers of debug files.
  SampleNamer(const CodeTracker& tracker, kernel::HostAccess& processes, kernel::CodeFiles& files,
              kernel::ProcessMemory& memory, SymbolDownloads* downloads = nullptr,
              const SymbolizerLimits& limits = {});

  /// Everything of the sample that it tells by itself: no service, no container, no process name.
  [[nodiscard]] model::Sample name(const decoders::ProfileSample& sample);

  /// Executables that the tracker has forgotten: their names go and their descriptors close.
  void forget_gone();
  /// Names that have come: from now on frames have them.
  void take_downloads();

  [[nodiscard]] const SymbolizerStatistics& statistics() const { return symbolizer_.statistics(); }
  [[nodiscard]] const PythonFigures& python() const { return python_; }
  [[nodiscard]] const JavaFigures& java() const { return java_; }
  [[nodiscard]] const PythonNamesFigures& python_names() const { return python_names_.figures(); }
  [[nodiscard]] const V8Figures& v8() const { return v8_; }
  [[nodiscard]] const V8NamesFigures& v8_names() const { return v8_names_.figures(); }
  [[nodiscard]] const V8InlinedFigures& v8_inlined() const { return v8_inlined_.figures(); }

 private:
  using Frames = std::vector<model::Frame>;
  /// What addresses are found again by: all are forgotten when there are so many.
  static constexpr size_t kMostAddresses = 16'384;
  /// What a perf map says, or nobody yet, is asked for again after so long.
  static constexpr uint64_t kPassingNs = 1'000'000'000;
  /// Until it is asked again what was inlined into code that V8 compiled, or what a stub of the JVM
  /// is: other code may be there, or a better name.
  static constexpr uint64_t kCompiledNs = 5'000'000'000;

  /// The files of modules are those that the tracker keeps open.
  class Files final : public SymbolFiles {
   public:
    Files(const SampleNamer& namer, kernel::HostAccess& processes, kernel::CodeFiles& files,
          SymbolDownloads* downloads)
        : namer_(namer), processes_(processes), files_(files), downloads_(downloads) {}
    base::Result<base::UniqueFd> open_module(const model::ProcessKey& process,
                                             const model::Module& module) override;
    base::Result<base::UniqueFd> open_debug_file(const model::ProcessKey& process,
                                                 const model::Module& module,
                                                 const DebugFilePlace& place) override;
    base::Result<base::UniqueFd> open_perf_map(const model::ProcessKey& process) override;

   private:
    [[nodiscard]] std::optional<uint32_t> number_of(const model::Module& module) const;

    const SampleNamer& namer_;
    kernel::HostAccess& processes_;
    kernel::CodeFiles& files_;
    SymbolDownloads* downloads_;
  };
  struct KnownModule {
    std::shared_ptr<const ElfView> elf;  ///< whose number it is: numbers are given again
    std::shared_ptr<const model::Module> module;
  };
  struct AddressKey {
    const void* module = nullptr;  ///< null: of the kernel
    uint64_t address = 0;
    bool operator==(const AddressKey&) const = default;
  };
  struct AddressKeyHash {
    size_t operator()(const AddressKey& key) const;
  };

  /// What an address is: nearly always one frame, and a function for each that is inlined there.
  struct Named {
    model::Frame first;
    Frames others;
  };

  /// What naming a sample's frames needs to know beside them.
  struct Scene {
    const decoders::ProfileSample& sample;
    uint64_t now_ns = 0;
    std::shared_ptr<const V8Layout> v8 = {};
  };

  [[nodiscard]] JoinedStack join_python(const decoders::ProfileSample& sample);
  [[nodiscard]] std::shared_ptr<const V8Layout> v8_layout_of(
      const decoders::ProfileSample& sample) const;
  [[nodiscard]] NamedStack name_stack(const Scene& scene);
  [[nodiscard]] NamedStack name_part(const Scene& scene, const SamplePart& part,
                                     const NamedStack& callers);

  void add(const model::ProcessKey& process, const CodeAddress& code, Frames& frames);
  static void expire(NamedStack& stack, const Scene& scene, uint64_t after_ns);
  void add_kernel(const decoders::ProfileSample& sample, size_t index, Frames& frames);
  void add_native(const Scene& scene, const decoders::ProfileFrame& frame, NamedStack& into,
                  Frames& frames);
  void add_java(const Scene& scene, const decoders::ProfileFrame& frame, NamedStack& into,
                Frames& frames);
  void add_python(const Scene& scene, const decoders::PythonFrame& frame, NamedStack& into,
                  Frames& frames);
  void add_v8(const Scene& scene, const decoders::V8Frame& v8, NamedStack& into, Frames& frames);
  void add_inlined_v8(const Scene& scene, const decoders::V8Frame& v8, NamedStack& into,
                      Frames& frames);
  /// Of a bytecode, in V8's interpreter.
  [[nodiscard]] static bool is_handler(const model::Frame& frame);
  void count(const NamedStack& stack);
  [[nodiscard]] bool is_eval(const decoders::ProfileFrame& frame) const;
  [[nodiscard]] std::shared_ptr<const model::Module> module_of(uint32_t executable);
  void load_kernel_symbols();

  const CodeTracker& tracker_;
  kernel::CodeFiles& kernel_files_;
  SymbolDownloads* downloads_;
  Files files_;
  Symbolizer symbolizer_;
  PythonNames python_names_;
  PythonFigures python_;
  JavaNames java_names_;
  std::optional<std::shared_ptr<const HotspotLayout>> java_layout_;  ///< of the sample at hand
  JavaFigures java_;
  V8Names v8_names_;
  V8Inlined v8_inlined_;
  V8Figures v8_;
  std::unordered_map<uint32_t, KnownModule> modules_;  ///< by number of the executable
  std::unordered_map<AddressKey, Named, AddressKeyHash> addresses_;
  KnownStacks known_stacks_;
  uint64_t forgotten_ = 0;         ///< executables, when they were true
  std::vector<SamplePart> parts_;  ///< of the sample at hand, leaf first
  bool kernel_tried_ = false;
};

}  // namespace hostlens::symbols
