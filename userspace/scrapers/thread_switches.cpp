// SPDX-License-Identifier: Apache-2.0
#include "scrapers/thread_switches.h"

#include <fcntl.h>

#include <string>
#include <vector>

#include "scrapers/directory.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

/// Below it a process is told of whole or not at all.
constexpr uint64_t kMaxThreads = 128;

}  // namespace

void ThreadSwitches::take(uint32_t tid, const ProcessStatus& status) {
  if (!status.voluntary_switches || !status.involuntary_switches) return;
  Thread& thread = threads_[tid];
  const Totals now{*status.voluntary_switches, *status.involuntary_switches};
  // Less than before: another thread has this number now.
  const bool same =
      now.voluntary >= thread.last.voluntary && now.involuntary >= thread.last.involuntary;
  const Totals before = same ? thread.last : Totals{};
  totals_.voluntary += now.voluntary - before.voluntary;
  totals_.involuntary += now.involuntary - before.involuntary;
  thread.last = now;
  thread.round = round_;
}

std::optional<ThreadSwitches::Totals> ThreadSwitches::read(Scrape& run, uint32_t pid,
                                                           uint64_t threads,
                                                           const ProcessStatus& status,
                                                           size_t& budget) {
  if (!status.voluntary_switches || !status.involuntary_switches) return std::nullopt;
  if (threads > kMaxThreads || threads > budget) {
    run.error(Reason::kTooMany);
    return std::nullopt;
  }
  budget -= threads;
  ++round_;
  take(pid, status);
  if (threads > 1) {
    const std::string folder = run.roots().proc + "/" + std::to_string(pid) + "/task";
    std::vector<uint32_t> others;
    for_each_entry(folder, kMaxThreads, [&](std::string_view name) {
      const auto tid = to_number<uint32_t>(name);
      if (tid && *tid != pid) others.push_back(*tid);
    });
    for (const uint32_t tid : others) {
      const std::string path = folder + "/" + std::to_string(tid) + "/status";
      // A thread that ended meanwhile is no error.
      if (const auto text = run.file(AT_FDCWD, path.c_str(), Presence::kOptional)) {
        take(tid, parse_process_status(*text));
      }
    }
  }
  std::erase_if(threads_, [this](const auto& item) { return item.second.round != round_; });
  return totals_;
}

}  // namespace hostlens::scrapers
