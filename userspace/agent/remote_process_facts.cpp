// SPDX-License-Identifier: Apache-2.0
#include "agent/remote_process_facts.h"

#include <dirent.h>

#include <memory>
#include <string_view>

#include "base/clock.h"
#include "discovery/proc_files.h"

namespace hostlens::agent {
namespace {

constexpr uint64_t kSilenceNs = 5'000'000'000;
constexpr uint64_t kMaxOpenFiles = 1U << 20U;  ///< the kernel's default of fs.nr_open

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::optional<uint64_t> count_entries(base::UniqueFd fd) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(fd.get()));
  if (directory == nullptr) return std::nullopt;
  (void)fd.release();
  uint64_t count = 0;
  while (count < kMaxOpenFiles) {
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    if (std::string_view(entry->d_name).front() != '.') ++count;
  }
  return count;
}

}  // namespace

base::Result<base::UniqueFd> RemoteProcessFacts::open(model::ProcessKey key,
                                                      kernel::ProcessFile what) {
  auto opened = host_.open_process_file(key, what);
  if (!opened && opened.error().kind == base::Error::Kind::kBusy) {
    silent_until_ns_ = base::monotonic_now_ns() + kSilenceNs;
  }
  return opened;
}

scrapers::GuardedFacts RemoteProcessFacts::read(model::ProcessKey key, bool count_files) noexcept {
  scrapers::GuardedFacts facts;
  if (base::monotonic_now_ns() < silent_until_ns_) return facts;
  if (const auto io = open(key, kernel::ProcessFile::kIo)) {
    facts.io =
        scrapers::parse_process_io(discovery::read_bounded(io->get(), discovery::kMaxStatBytes));
  }
  if (count_files) {
    auto folder = open(key, kernel::ProcessFile::kFileDescriptors);
    if (folder) facts.open_files = count_entries(*std::move(folder));
  }
  return facts;
}

}  // namespace hostlens::agent
