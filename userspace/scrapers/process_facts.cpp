// SPDX-License-Identifier: Apache-2.0
#include "scrapers/process_facts.h"

#include <fcntl.h>

#include "base/unique_fd.h"
#include "discovery/proc_files.h"
#include "scrapers/directory.h"

namespace hostlens::scrapers {
namespace {

constexpr size_t kMaxOpenFiles = 1U << 20U;  ///< the kernel's default of fs.nr_open

}  // namespace

GuardedFacts LocalProcessFacts::read(model::ProcessKey key, bool count_files) noexcept {
  GuardedFacts facts;
  const std::string folder = proc_root_ + "/" + std::to_string(key.pid);
  const base::UniqueFd io(::open((folder + "/io").c_str(), O_RDONLY | O_CLOEXEC));
  if (io) facts.io = parse_process_io(discovery::read_bounded(io.get(), discovery::kMaxStatBytes));
  if (count_files) {
    uint64_t files = 0;
    if (for_each_entry(folder + "/fd", kMaxOpenFiles, [&](std::string_view) { ++files; })) {
      facts.open_files = files;
    }
  }
  return facts;
}

}  // namespace hostlens::scrapers
