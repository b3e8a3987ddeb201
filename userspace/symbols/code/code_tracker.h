// SPDX-License-Identifier: Apache-2.0
// Keeps the unwinder's tables in step with what the host executes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "decoders/profile_decoder.h"
#include "kernel/code_files.h"
#include "kernel/host_access.h"
#include "kernel/process_memory.h"
#include "probes/unwind_tables.h"
#include "symbols/code/mapping_list.h"
#include "symbols/elf/elf_view.h"
#include "symbols/hotspot/hotspot_program.h"
#include "symbols/python/python_program.h"
#include "symbols/unwind/unwind_table.h"
#include "symbols/v8/v8_layout.h"

namespace hostlens::symbols {

struct CodeTrackerLimits {
  size_t executables = 2048;    ///< each keeps a descriptor: see executables_within
  size_t maps_bytes = 4 << 20;  ///< of one process's /proc/PID/maps
  size_t mappings = UNWIND_MAPPINGS_MAX;
  /// An executable that no process has mapped for so long goes, with its table and descriptor; what
  /// a timer starts every few minutes stays.
  uint64_t idle_ns = 300'000'000'000;
  uint64_t idle_check_ns = 60'000'000'000;  ///< how often that is looked for
};

/// As many of them as leave the other half of this process's descriptors to everything else.
[[nodiscard]] size_t executables_within(size_t executables, uint64_t open_files);

/// One executable file, whoever maps it.
struct CodeFile {
  uint32_t number = 0;  ///< in UnwindTables and in samples' frames
  std::string path;     ///< as its first process has it
  /// Its own, for symbols too; null when it is no ELF file. Never the path's, which may be another
  /// file by now.
  std::shared_ptr<const ElfView> elf;
  std::optional<PythonProgram> python;    ///< CPython is in it
  std::optional<HotspotProgram> hotspot;  ///< it is libjvm.so
  /// Null until a process has told it.
  std::shared_ptr<const HotspotLayout> hotspot_layout;
  std::shared_ptr<const V8Layout> v8;  ///< V8 is in it; null: not
};

/// Where a mapping of a process is, for who names frames.
struct CodePlace {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t bias = 0;
  uint32_t executable =
      0;  ///< 0: code without a file, or of one that is no ELF file or not to be had
};

struct CodeTrackerFigures {
  uint64_t processes_read = 0;    ///< times that mappings were read
  uint64_t processes_failed = 0;  ///< of these, in vain: mostly gone already
  uint64_t files_failed = 0;      ///< executables that could not be opened
  uint64_t tables_built = 0;
  uint64_t tables_failed = 0;  ///< files without rows that could be used
  /// That no process had mapped for long, or that made room: their numbers are given again.
  uint64_t executables_forgotten = 0;
  uint64_t pythons = 0;      ///< files with CPython in them
  uint64_t machines = 0;     ///< times that a JVM has told where its code is
  uint64_t v8s = 0;          ///< and with V8
  uint64_t v8s_refused = 0;  ///< with V8 that is not as we know it: its functions have no names
};

/// Reading mappings takes some 50 us and is done at once; a table takes 1 to 300 ms and is built
/// when the caller has time for it (build_next). Times are CLOCK_MONOTONIC. One thread.
class CodeTracker {
 public:
  /// Whether a process's mappings are to be read; null: any.
  using Wanted = std::function<bool(uint32_t pid)>;
  /// All must outlive it.
  CodeTracker(probes::UnwindTables& tables, kernel::HostAccess& processes, kernel::CodeFiles& files,
              kernel::ProcessMemory& memory, Wanted wanted = {},
              const CodeTrackerLimits& limits = {});
  ~CodeTracker();
  CodeTracker(const CodeTracker&) = delete;
  CodeTracker& operator=(const CodeTracker&) = delete;

  /// Every record of the ring of notices. An exec shows the program and its loader, not yet the
  /// libraries: read_again is due some milliseconds later.
  void on_notice(const decoders::ProfileNotice& notice, uint64_t now_ns);
  /// All processes; at start. Then every few seconds: forgets what is gone, follows the kernel's
  /// table where notices were lost.
  [[nodiscard]] base::Result<void> visit(uint64_t now_ns);
  /// Mappings of processes that executed a program some milliseconds ago. Returns when the next are
  /// due, 0: none.
  uint64_t read_again(uint64_t now_ns);

  /// Builds one table that somebody waits for, what was sampled first. False: none waits, or there
  /// is no room at the moment.
  bool build_next(uint64_t now_ns);
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

  /// nullptr: none has this number (any more).
  [[nodiscard]] const CodeFile* file(uint32_t number) const;
  /// Whether a frame is in the code at its file's entry point, which nobody has called (System V
  /// psABI for x86-64, section 3.4.1).
  [[nodiscard]] bool is_entry(const decoders::ProfileFrame& frame) const;
  /// Of a space; nullptr: not known. Ascending.
  [[nodiscard]] const std::vector<CodePlace>* places(uint64_t space) const;
  /// Of what a thread that sleeps has in its stack nobody sends a notice: its mappings are read
  /// anew.
  void look_again(model::ProcessKey process, uint64_t space, uint64_t now_ns);
  /// Where a process has an executable's code now; nullopt: nowhere, or the process is not known.
  [[nodiscard]] std::optional<CodePlace> place_in(uint32_t pid, uint32_t number) const;
  /// Where the code of a space's JVM is; nullopt: not known.
  [[nodiscard]] std::optional<hotspot_space> hotspot_space_of(uint64_t space) const;
  /// Of the JVM in a process; null: none that is known.
  [[nodiscard]] std::shared_ptr<const HotspotLayout> hotspot_layout(uint32_t pid) const;
  /// nullptr: no V8 is in its mappings.
  [[nodiscard]] std::shared_ptr<const V8Layout> v8_in(uint32_t pid) const;
  [[nodiscard]] const CodeTrackerFigures& figures() const { return figures_; }

 private:
  struct FileKey {
    uint64_t device = 0;
    uint64_t inode = 0;
    auto operator<=>(const FileKey&) const = default;
  };
  /// What a mapping's device and inode mean. The file is kept open, else its inode could become
  /// another file's.
  struct Meaning {
    uint32_t number = 0;
    std::shared_ptr<const ElfView> elf;
  };
  struct Known {
    CodeFile file;
    std::vector<FileKey> keys;  ///< one per file that has this code
    uint32_t users = 0;         ///< spaces that have it
    uint64_t unused_since_ns = 0;
    bool barren = false;  ///< it has no rows that could be used
    /// Where it was first met, for what lies beside it.
    model::ProcessKey process;
    uint64_t start = 0;
    uint64_t limit = 0;
  };
  /// What waits for room is not built twice.
  struct Built {
    uint32_t number = 0;
    std::vector<probes::CodePage> pages;
    std::vector<unwind_row> rows;
  };
  struct Java {
    std::optional<hotspot_space> space;
    uint64_t bias = 0;   ///< of libjvm.so
    uint32_t asked = 0;  ///< times
    bool waits = false;  ///< it has made no code yet: ask again
  };
  struct Space {
    std::vector<CodeMapping> mappings;
    std::vector<CodePlace> places;
    Java java;
  };
  struct Again {
    model::ProcessKey process;
    uint64_t space = 0;
    uint64_t at_ns = 0;
  };

  void read_process(model::ProcessKey process, uint64_t space, uint64_t now_ns);
  [[nodiscard]] base::Result<std::vector<CodeMapping>> mappings_of(model::ProcessKey process);
  [[nodiscard]] CodePlace place_of(model::ProcessKey process, const CodeMapping& mapping,
                                   uint64_t now_ns);
  [[nodiscard]] const Known* know(model::ProcessKey process, const CodeMapping& mapping,
                                  uint64_t now_ns);
  [[nodiscard]] std::shared_ptr<const ElfView> open_elf(model::ProcessKey process,
                                                        const CodeMapping& mapping);
  [[nodiscard]] Known* by_key(const FileKey& key);
  [[nodiscard]] Known* same_build(const ElfView& elf);
  [[nodiscard]] Known* add(std::shared_ptr<const ElfView> elf, model::ProcessKey process,
                           const CodeMapping& mapping, uint64_t now_ns);
  [[nodiscard]] base::Result<UnwindTable> table_of(const Known& known);
  [[nodiscard]] std::optional<python_space> python_of(const std::vector<CodeMapping>& mappings,
                                                      const std::vector<CodePlace>& places) const;
  [[nodiscard]] Known* java_of(const std::vector<CodePlace>& places, uint64_t& bias) const;
  void ask_java(model::ProcessKey process, const std::vector<CodePlace>& places, Java& java);
  [[nodiscard]] const std::vector<CodePlace>* places_of(uint32_t pid) const;
  [[nodiscard]] bool fill(uint64_t space, const std::vector<CodePlace>& places, bool makes_code,
                          const probes::SpaceLanguages& languages, uint64_t now_ns);
  void find_languages(CodeFile& file);
  [[nodiscard]] std::shared_ptr<const V8Layout> v8_of(const std::vector<CodePlace>& places) const;
  void use(const std::vector<CodePlace>& places);
  void unuse(const std::vector<CodePlace>& places, uint64_t now_ns);
  void wait_for(uint32_t number, bool first);
  [[nodiscard]] bool make_room(uint64_t now_ns);
  void forget(uint32_t number, uint64_t now_ns);
  void forget_idle(uint64_t now_ns);
  void forget_build(const Known& known);

  probes::UnwindTables& tables_;
  kernel::HostAccess& processes_;
  kernel::CodeFiles& files_;
  kernel::ProcessMemory& memory_;
  const Wanted wanted_;
  const CodeTrackerLimits limits_;
  const size_t most_executables_;
  std::unordered_map<uint32_t, std::unique_ptr<Known>> known_;  ///< by number
  std::map<FileKey, Meaning> numbers_;
  std::unordered_map<std::string, uint32_t> builds_;  ///< by build id
  std::unordered_map<uint64_t, Space> spaces_;
  std::deque<uint32_t> waiting_;
  Built built_;
  std::deque<Again> again_;
  CodeTrackerFigures figures_;
  uint64_t idle_checked_ns_ = 0;
};

}  // namespace hostlens::symbols
