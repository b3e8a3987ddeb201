// SPDX-License-Identifier: Apache-2.0
// One look at every process: a single small file each.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "model/process_key.h"
#include "scrapers/process_files.h"
#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// The kernel's comm: 15 bytes and a NUL, raw.
using Comm = std::array<char, 16>;
[[nodiscard]] inline std::string_view text_of(const Comm& comm) { return comm.data(); }

struct SeenProcess {
  model::ProcessKey key;
  Comm comm{};
  ProcessStat stat;  ///< its comm is not to be used: the text is gone
};

/// Looks at all processes, again and again. Keeps files open between two looks: opening costs as
/// much as reading. One thread.
class ProcessWalk {
 public:
  /// `entries` of /proc are looked at, `open_files` are kept open at most.
  ProcessWalk(size_t entries, size_t open_files) : entries_(entries), open_files_(open_files) {}

  void look(Scrape& run);

  [[nodiscard]] const std::vector<SeenProcess>& processes() const { return processes_; }
  /// False: some are hidden, or there are more than the limit. Where /proc hides other users'
  /// processes (hidepid), the first process is hidden too.
  [[nodiscard]] bool whole() const { return whole_; }

 private:
  struct OpenFile {
    base::UniqueFd stat;
    uint64_t round = 0;  ///< in which it was read last
  };

  /// Bytes read, or -1 with errno.
  [[nodiscard]] ssize_t read_stat(int proc, uint32_t pid, std::string_view pid_text, char* text,
                                  size_t size);
  bool take(Scrape& run, int proc, std::string_view pid_text, SeenProcess& seen);

  size_t entries_;
  size_t open_files_;
  uint64_t round_ = 0;
  std::unordered_map<uint32_t, OpenFile> files_;  ///< by pid
  std::vector<SeenProcess> processes_;
  bool whole_ = true;
};

/// A quarter of the descriptors that this process may have.
[[nodiscard]] size_t spare_descriptors();

}  // namespace hostlens::scrapers
