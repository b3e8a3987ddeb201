// SPDX-License-Identifier: Apache-2.0
#include "scrapers/process_walk.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/unique_fd.h"
#include "scrapers/directory.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

constexpr std::string_view kKernelThreads = "kernel";
constexpr size_t kStatBytes = 1024;  ///< 52 numbers and a comm: some 350

}  // namespace

size_t spare_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  constexpr rlim_t kMost = 8192;
  return static_cast<size_t>(std::min(limit.rlim_cur / 4, kMost));
}

ssize_t ProcessWalk::read_stat(int proc, uint32_t pid, std::string_view pid_text, char* text,
                               size_t size) {
  const auto known = files_.find(pid);
  if (known != files_.end()) {
    // Fails when that process ended, even if another one has its number now.
    const ssize_t got = ::pread(known->second.stat.get(), text, size, 0);
    if (got > 0) {
      known->second.round = round_;
      return got;
    }
    files_.erase(known);
  }
  std::array<char, 32> path{};
  std::copy(pid_text.begin(), pid_text.end(), path.begin());
  std::memcpy(path.data() + pid_text.size(), "/stat", 5);
  base::UniqueFd file(::openat(proc, path.data(), O_RDONLY | O_CLOEXEC));
  const ssize_t got = file ? ::read(file.get(), text, size) : -1;
  if (got > 0 && files_.size() < open_files_) files_[pid] = {std::move(file), round_};
  return got;
}

bool ProcessWalk::take(Scrape& run, int proc, std::string_view pid_text, SeenProcess& seen) {
  std::array<char, kStatBytes> text;
  const ssize_t size = read_stat(proc, seen.key.pid, pid_text, text.data(), text.size());
  if (size < 0) {
    const bool ended = errno == ENOENT || errno == ESRCH;
    run.error(ended ? Reason::kVanished : Reason::kUnreadable);
    return false;
  }
  const auto stat = parse_process_stat({text.data(), static_cast<size_t>(size)});
  if (!stat) {
    run.error(Reason::kGarbage);
    return false;
  }
  seen.stat = *stat;
  seen.stat.comm = {};
  // Kernel threads rename themselves by what they work on: one name for all of them.
  const std::string_view own = stat->is_kernel_thread ? kKernelThreads : stat->comm;
  const std::string_view comm = own.substr(0, seen.comm.size() - 1);
  std::copy(comm.begin(), comm.end(), seen.comm.begin());
  seen.key.start_ticks = stat->start_ticks;
  return true;
}

void ProcessWalk::look(Scrape& run) {
  processes_.clear();
  ++round_;
  const base::UniqueFd proc(::open(run.roots().proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  bool first_seen = false;
  size_t visited = 0;
  const bool listed = for_each_entry(run.roots().proc, entries_, [&](std::string_view name) {
    ++visited;
    const auto pid = to_number<uint32_t>(name);
    if (!pid || name.size() > 10) return;
    SeenProcess& seen = processes_.emplace_back();
    seen.key.pid = *pid;
    if (!take(run, proc.get(), name, seen)) {
      processes_.pop_back();
      return;
    }
    first_seen = first_seen || *pid == 1;
  });
  std::erase_if(files_, [this](const auto& item) { return item.second.round != round_; });
  if (!listed) run.error(Reason::kUnreadable);
  if (visited >= entries_) run.error(Reason::kTooMany);
  if (listed && !first_seen) run.error(Reason::kHidden);
  whole_ = listed && first_seen && visited < entries_;
}

}  // namespace hostlens::scrapers
