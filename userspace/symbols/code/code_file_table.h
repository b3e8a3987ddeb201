// SPDX-License-Identifier: Apache-2.0
// The executable files that processes map, each once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/code_files.h"
#include "model/process_key.h"
#include "probes/unwind_tables.h"
#include "symbols/code/mapping_list.h"
#include "symbols/elf/elf_view.h"
#include "symbols/hotspot/hotspot_program.h"
#include "symbols/python/python_program.h"
#include "symbols/v8/v8_layout.h"

namespace hostlens::symbols {

struct CodeFileLimits {
  size_t executables = 2048;  ///< each keeps a descriptor: see executables_within
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
  /// 0: code without a file, or of one that is no ELF file or not to be had.
  uint32_t executable = 0;
};

struct CodeFileFigures {
  uint64_t failed = 0;  ///< executables that could not be opened
  /// That no process had mapped for long, or that made room: their numbers are given again.
  uint64_t forgotten = 0;
  uint64_t pythons = 0;      ///< files with CPython in them
  uint64_t v8s = 0;          ///< and with V8
  uint64_t v8s_refused = 0;  ///< with V8 that is not as we know it: its functions have no names
};

/// Finds the file of a mapping by its device and inode, then by its build id: the same library in
/// every container is one. Bounded. Times are CLOCK_MONOTONIC. One thread.
class CodeFileTable {
 public:
  struct Known {
    CodeFile file;
    /// Where it was first met, for what lies beside it.
    model::ProcessKey process;
    uint64_t start = 0;
    uint64_t limit = 0;
  };
  /// Of an executable that was not known.
  using OnNew = std::function<void(const Known& known)>;

  /// Both must outlive it.
  CodeFileTable(probes::UnwindTables& tables, kernel::CodeFiles& files,
                const CodeFileLimits& limits, OnNew on_new);
  ~CodeFileTable();
  CodeFileTable(const CodeFileTable&) = delete;
  CodeFileTable& operator=(const CodeFileTable&) = delete;

  /// Where a mapping is in its file, which is opened if it is not known.
  [[nodiscard]] CodePlace place_of(model::ProcessKey process, const CodeMapping& mapping,
                                   uint64_t now_ns);
  /// nullptr: none has this number (any more). Valid until the next place_of or forget_idle.
  [[nodiscard]] const Known* find(uint32_t number) const;
  [[nodiscard]] const CodeFile* file(uint32_t number) const;
  /// What a process has told of its JVM.
  void set_hotspot_layout(uint32_t number, std::shared_ptr<const HotspotLayout> layout);

  /// A space has these places, or has them no more: what has no users may go.
  void use(const std::vector<CodePlace>& places);
  void unuse(const std::vector<CodePlace>& places, uint64_t now_ns);
  /// Those that nobody has used for long go; looks for them as often as the limits say.
  void forget_idle(uint64_t now_ns);

  [[nodiscard]] const CodeFileFigures& figures() const { return figures_; }

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
  struct Entry {
    Known known;
    std::vector<FileKey> keys;  ///< one per file that has this code
    uint32_t users = 0;         ///< spaces that have it
    uint64_t unused_since_ns = 0;
  };

  [[nodiscard]] const Entry* know(model::ProcessKey process, const CodeMapping& mapping,
                                  uint64_t now_ns);
  [[nodiscard]] std::shared_ptr<const ElfView> open_elf(model::ProcessKey process,
                                                        const CodeMapping& mapping);
  [[nodiscard]] Entry* by_key(const FileKey& key);
  [[nodiscard]] Entry* same_build(const ElfView& elf);
  [[nodiscard]] Entry* add(std::shared_ptr<const ElfView> elf, model::ProcessKey process,
                           const CodeMapping& mapping, uint64_t now_ns);
  void find_languages(CodeFile& file);
  [[nodiscard]] bool make_room(uint64_t now_ns);
  void forget(uint32_t number, uint64_t now_ns);
  void forget_build(const CodeFile& file);

  probes::UnwindTables& tables_;
  kernel::CodeFiles& files_;
  const CodeFileLimits limits_;
  const size_t most_executables_;
  const OnNew on_new_;
  std::unordered_map<uint32_t, std::unique_ptr<Entry>> entries_;  ///< by number
  std::map<FileKey, Meaning> numbers_;
  std::unordered_map<std::string, uint32_t> builds_;  ///< by build id
  CodeFileFigures figures_;
  uint64_t idle_checked_ns_ = 0;
};

}  // namespace hostlens::symbols
