// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/late_symbols.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <numeric>
#include <utility>
#include <vector>

#include "agent/progress_bar.h"
#include "base/clock.h"
#include "symbols/debuginfod/late_names.h"

namespace hostlens::agent {
namespace {

/// Far below what the supervisor allows for names and files.
constexpr std::chrono::seconds kPatience{30};
constexpr size_t kColumns = 79;

uint64_t named_frames(const model::Profile& profile) {
  uint64_t named = 0;
  std::vector<model::Profile::Id> stack;
  for (const model::Profile::Entry& entry : profile.entries()) {
    profile.frames_of(entry.stack, stack);
    for (const auto frame : stack) {
      named += profile.frames()[frame].function != nullptr ? entry.count : 0;
    }
  }
  return named;
}

std::string files_text(size_t files) {
  return fmt::format("{} {}", files, files == 1 ? "file" : "files");
}

}  // namespace

void wait_for_symbols(symbols::SymbolDownloads& downloads) {
  const size_t files = downloads.waiting();
  if (files == 0) return;
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const uint64_t begin_ns = base::monotonic_now_ns();
  const auto whole_ns = static_cast<uint64_t>(std::chrono::nanoseconds(kPatience).count());
  if (!terminal) {
    std::fprintf(stderr, "hostlens: waiting for symbols of %s\n", files_text(files).c_str());
  }
  downloads.wait(kPatience, [&](size_t left) {
    if (!terminal) return;
    const Progress progress{base::monotonic_now_ns() - begin_ns, whole_ns,
                            "symbols of " + files_text(left)};
    std::fprintf(stderr, "\r%s\x1b[K", progress_line(progress, kColumns).c_str());
  });
  if (terminal) std::fputs("\r\x1b[K", stderr);
}

uint64_t name_late(model::Profile& profile, kernel::DebugCache& cache) {
  symbols::LateNames names(cache);
  const uint64_t before = named_frames(profile);
  profile = profile.named([&](model::Frame& frame) { names.name(frame); });
  return named_frames(profile) - before;
}

std::string downloads_told(const symbols::DownloadCounts& counts, size_t waiting) {
  const uint64_t asked = std::accumulate(counts.begin(), counts.end(), uint64_t{waiting});
  if (asked == 0) return {};
  std::string text = fmt::format("hostlens: symbols of {} were asked for:", files_text(asked));
  const char* separator = " ";
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    text += fmt::format("{}{} {}", std::exchange(separator, ", "), counts[i],
                        symbols::kDownloadNames[i]);
  }
  if (waiting > 0) text += fmt::format("{}{} did not come in time", separator, waiting);
  return text + "\n";
}

}  // namespace hostlens::agent
