// SPDX-License-Identifier: Apache-2.0
// What the unwinder in the kernel knows: tables of executables, mappings of processes. Written by
// the worker, read by bpf/lib/unwind.bpf.h; the layout is in bpf/records/profile.h.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/slab_source.h"
#include "probes/unwind_slabs.h"
#include "records/profile.h"

namespace hostlens::probes {

/// A page of an executable's table. `number` is the ELF virtual address >> UNWIND_PAGE_SHIFT;
/// page.first_row counts from the table's own first row.
struct CodePage {
  uint32_t number = 0;
  unwind_page page{};
};

/// Over all, now, but evictions: since the start.
struct UnwindTableFigures {
  uint64_t slab_bytes = 0;   ///< of the kernel's memory
  uint64_t used_bytes = 0;   ///< of these, by tables and mappings
  uint64_t executables = 0;  ///< numbers in use
  uint64_t tables = 0;       ///< of these, with a table
  uint64_t spaces = 0;
  uint64_t python_refused = 0;   ///< spaces with CPython that had no room in their table
  uint64_t hotspot_refused = 0;  ///< and with a JVM
  uint64_t evictions = 0;        ///< tables that went to make room for others
};

/// What else the unwinder has to know of a space, by what runs in it.
struct SpaceLanguages {
  std::optional<python_space> python;
  std::optional<hotspot_space> hotspot;
  std::optional<v8_layout> v8;
};

/// Needs descriptors that may write, no privilege beyond them (before Linux 6.0: CAP_BPF). Times
/// are CLOCK_MONOTONIC in nanoseconds, and never go back. One thread.
class UnwindTables {
 public:
  struct Maps {
    base::UniqueFd slabs;
    base::UniqueFd executables;
    base::UniqueFd spaces;
    base::UniqueFd processes;  ///< only read
    base::UniqueFd python_spaces;
    base::UniqueFd hotspot_spaces;
  };
  /// Numbers are not given again for so long: records in the ring may still tell of them.
  static constexpr uint64_t kNumberRestNs = 30'000'000'000;

  /// `source` must outlive it. `most_bytes`: of slabs. kInvalid: other maps than those.
  [[nodiscard]] static base::Result<std::unique_ptr<UnwindTables>> open(Maps maps,
                                                                        kernel::SlabSource& source,
                                                                        uint64_t most_bytes);
  ~UnwindTables();
  UnwindTables(const UnwindTables&) = delete;
  UnwindTables& operator=(const UnwindTables&) = delete;

  /// A number for an executable file, from 1. kBusy: all are in use.
  [[nodiscard]] base::Result<uint32_t> add_executable(uint64_t now_ns);
  /// No space may have it any more.
  void remove_executable(uint32_t number, uint64_t now_ns);

  /// Gives an executable its table; pages ascend. Tables that were not sampled for the longest time
  /// go to make room: their executables stay, and who samples them asks for the table again. kBusy:
  /// no room yet, try again after UnwindSlabs::kGraceNs; kInvalid: a table no unwinder could use.
  [[nodiscard]] base::Result<void> publish(uint32_t number, std::span<const CodePage> pages,
                                           std::span<const unwind_row> rows, uint64_t now_ns);
  void withdraw(uint32_t number, uint64_t now_ns);
  [[nodiscard]] bool has_table(uint32_t number) const;

  /// The executable mappings of a space, ascending and apart; replaces what it had. `flags`: enum
  /// unwind_space_flag; for each language that is there its flag is added (UNWIND_SPACE_PYTHON),
  /// unless the table of such spaces is full.
  [[nodiscard]] base::Result<void> fill_space(uint64_t space,
                                              std::span<const unwind_mapping> mappings,
                                              uint16_t flags, const SpaceLanguages& languages,
                                              uint64_t now_ns);
  void drop_space(uint64_t space, uint64_t now_ns);
  [[nodiscard]] bool has_space(uint64_t space) const { return spaces_.contains(space); }

  /// Every process that the kernel knows; drops the spaces that none of them has. At start, and
  /// then every few seconds. `use` may fill spaces.
  using OnProcess = std::function<void(uint32_t pid, const profile_process&)>;
  [[nodiscard]] base::Result<void> visit_processes(uint64_t now_ns, const OnProcess& use);

  /// As the kernel knows it now; nullopt: not, any more.
  [[nodiscard]] std::optional<profile_process> process(uint32_t pid) const;

  [[nodiscard]] UnwindTableFigures figures() const;

  /// For unwinding what the kernel did not: see LateUnwinder.
  [[nodiscard]] const unwind_word* word(uint32_t index) const { return slabs_.at(index); }
  [[nodiscard]] unwind_executable* executable(uint32_t number) const;
  /// nullptr: not filled.
  [[nodiscard]] const unwind_space* space(uint64_t space) const;

 private:
  using Extents = std::vector<UnwindSlabs::Extent>;
  struct Executable {
    bool in_use = false;
    Extents extents;  ///< of its table
  };
  struct Space {
    unwind_space value{};
    UnwindSlabs::Extent extent;
  };
  struct Rest {
    uint32_t number = 0;
    uint64_t since_ns = 0;
  };

  UnwindTables(Maps maps, kernel::SlabSource& source, uint64_t most_bytes,
               unwind_executable* executables);
  /// What a worker before this one wrote: nobody knows any more what it meant.
  void forget_predecessor();
  [[nodiscard]] base::Result<void> copy_rows(std::span<const CodePage> pages,
                                             std::span<const unwind_row> rows, uint64_t now_ns,
                                             Extents& extents, std::vector<unwind_word>& directory);
  /// Writes what is there before the flags that tell of it: which these are.
  [[nodiscard]] uint16_t fill_languages(uint64_t space, const SpaceLanguages& languages);
  void drop_languages(uint64_t space, uint32_t flags);
  [[nodiscard]] base::Result<UnwindSlabs::Extent> allocate(uint32_t words, uint64_t now_ns);
  [[nodiscard]] bool make_room(uint64_t bytes, uint64_t now_ns);
  bool evict_one(uint64_t now_ns);
  void free(Extents& extents, uint64_t now_ns);

  Maps maps_;
  UnwindSlabs slabs_;
  unwind_executable* shared_;  ///< the kernel's array, UNWIND_EXECUTABLES_MAX of them
  std::vector<Executable> executables_;
  std::deque<Rest> resting_;  ///< numbers, the longest unused first
  uint32_t next_number_ = 1;
  std::unordered_map<uint64_t, Space> spaces_;
  uint64_t tables_ = 0;
  uint64_t evictions_ = 0;
  uint64_t python_refused_ = 0;
  uint64_t hotspot_refused_ = 0;
};

}  // namespace hostlens::probes
