// SPDX-License-Identifier: Apache-2.0
// Keeps the unwinder's tables in step with what the host executes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "decoders/profile_decoder.h"
#include "kernel/code_files.h"
#include "kernel/host_access.h"
#include "kernel/process_memory.h"
#include "probes/unwind_tables.h"
#include "symbols/code/code_file_table.h"
#include "symbols/code/mapping_list.h"
#include "symbols/code/table_queue.h"

namespace hostlens::symbols {

struct CodeTrackerLimits {
  CodeFileLimits files;
  size_t maps_bytes = 4 << 20;  ///< of one process's /proc/PID/maps
  size_t mappings = UNWIND_MAPPINGS_MAX;
};

struct CodeTrackerFigures {
  uint64_t processes_read = 0;    ///< times that mappings were read
  uint64_t processes_failed = 0;  ///< of these, in vain: mostly gone already
  uint64_t machines = 0;          ///< times that a JVM has told where its code is
};

/// Reading mappings takes some 50 us and is done at once; tables are built when the caller has time
/// for it (TableQueue). Times are CLOCK_MONOTONIC. One thread.
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
  bool build_next(uint64_t now_ns) { return queue_.build_next(now_ns); }
  [[nodiscard]] size_t waiting() const { return queue_.size(); }

  /// nullptr: none has this number (any more).
  [[nodiscard]] const CodeFile* file(uint32_t number) const { return files_.file(number); }
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
  [[nodiscard]] const CodeFileFigures& files() const { return files_.figures(); }
  [[nodiscard]] const TableQueueFigures& tables() const { return queue_.figures(); }

 private:
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
  [[nodiscard]] std::optional<python_space> python_of(const std::vector<CodeMapping>& mappings,
                                                      const std::vector<CodePlace>& places) const;
  [[nodiscard]] const CodeFile* java_of(const std::vector<CodePlace>& places, uint64_t& bias) const;
  void ask_java(model::ProcessKey process, const std::vector<CodePlace>& places, Java& java);
  [[nodiscard]] const std::vector<CodePlace>* places_of(uint32_t pid) const;
  [[nodiscard]] bool fill(uint64_t space, const std::vector<CodePlace>& places, bool makes_code,
                          const probes::SpaceLanguages& languages, uint64_t now_ns);
  [[nodiscard]] std::shared_ptr<const V8Layout> v8_of(const std::vector<CodePlace>& places) const;

  probes::UnwindTables& tables_;
  kernel::HostAccess& processes_;
  kernel::ProcessMemory& memory_;
  const Wanted wanted_;
  const CodeTrackerLimits limits_;
  CodeFileTable files_;
  TableQueue queue_;
  std::unordered_map<uint64_t, Space> spaces_;
  std::deque<Again> again_;
  CodeTrackerFigures figures_;
};

}  // namespace hostlens::symbols
