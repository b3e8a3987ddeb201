// SPDX-License-Identifier: Apache-2.0
#include "scrapers/filesystem_scraper.h"

#include <optional>
#include <utility>
#include <vector>

#include "discovery/proc_files.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;
using Outcome = MountReading::Outcome;

constexpr size_t kMaxMountinfoBytes = 4 * 1024 * 1024;

struct FileSystem {
  model::Attributes labels;
  MountReading space;
};

model::Attributes labels_of(const Mount& mount) {
  const auto clean = [](const std::string& text) { return discovery::clean_text(text); };
  return attributes({{"system.device", clean(mount.source)},
                     {"system.filesystem.mode", mount.read_only ? "ro" : "rw"},
                     {"system.filesystem.mountpoint", clean(mount.point)},
                     {"system.filesystem.type", clean(mount.type)}});
}

std::vector<Mount> list_mounts(Scrape& run) {
  auto text = run.proc("1/mountinfo", Presence::kOptional, kMaxMountinfoBytes);
  if (!text) text = run.proc("self/mountinfo", Presence::kRequired, kMaxMountinfoBytes);
  if (!text) return {};
  size_t garbage = 0;
  std::vector<Mount> mounts = parse_mountinfo(*text, garbage);
  if (garbage > 0) run.error(Reason::kGarbage);
  if (mounts.size() == kMaxMounts) run.error(Reason::kTooMany);
  mounts = distinct_file_systems(std::move(mounts));
  if (mounts.size() > kMaxFileSystems) {
    run.error(Reason::kTooMany);
    mounts.resize(kMaxFileSystems);
  }
  return mounts;
}

void add_stuck(Scrape& run, const std::vector<FileSystem>& list) {
  run.list().add(
      {"hostlens.filesystem.stuck", "1: the file system does not answer.", "", MetricKind::kGauge},
      [&](model::MetricFamily& family) {
        for (const FileSystem& is : list) {
          run.point(family, is.labels, is.space.outcome == Outcome::kStuck ? 1 : 0);
        }
      });
}

void add_states(Scrape& run, const aggregators::FamilyName& name,
                const std::vector<FileSystem>& list,
                std::vector<std::pair<std::string_view, uint64_t>> (*states)(const MountReading&)) {
  run.list().add(name, [&](model::MetricFamily& family) {
    for (const FileSystem& is : list) {
      if (is.space.outcome != Outcome::kRead) continue;
      for (const auto& [state, amount] : states(is.space)) {
        run.point(family, aggregators::with(is.labels, "system.filesystem.state", state), amount);
      }
    }
  });
}

void add_space(Scrape& run, const std::vector<FileSystem>& list) {
  constexpr auto kUpDown = MetricKind::kUpDownCounter;
  using States = std::vector<std::pair<std::string_view, uint64_t>>;
  add_states(run,
             {"system.filesystem.usage", "Space by state; reserved is free to the superuser alone.",
              "By", kUpDown},
             list, [](const MountReading& is) -> States {
               return {{"used", is.total_bytes - is.free_bytes},
                       {"free", is.available_bytes},
                       {"reserved", is.free_bytes - is.available_bytes}};
             });
  // The conventions count no inodes; this is the OpenTelemetry Collector's name.
  add_states(run, {"system.filesystem.inodes.usage", "Inodes by state.", "{inode}", kUpDown}, list,
             [](const MountReading& is) -> States {
               if (is.total_inodes == 0) return {};
               return {{"used", is.total_inodes - is.free_inodes}, {"free", is.free_inodes}};
             });
  run.list().add({"system.filesystem.limit", "Size of the file system.", "By", kUpDown},
                 [&](model::MetricFamily& family) {
                   for (const FileSystem& is : list) {
                     if (is.space.outcome != Outcome::kRead) continue;
                     run.point(family, is.labels, is.space.total_bytes);
                   }
                 });
  run.list().add(
      {"system.filesystem.utilization", "Used space, of what users without privileges could use.",
       "1", MetricKind::kGauge},
      [&](model::MetricFamily& family) {
        for (const FileSystem& is : list) {
          if (is.space.outcome != Outcome::kRead) continue;
          const auto used = static_cast<double>(is.space.total_bytes - is.space.free_bytes);
          const double usable = used + static_cast<double>(is.space.available_bytes);
          if (usable > 0) run.point(family, is.labels, used / usable);
        }
      });
}

bool is_sound(const MountReading& is) {
  return is.free_bytes <= is.total_bytes && is.available_bytes <= is.free_bytes &&
         is.free_inodes <= is.total_inodes;
}

}  // namespace

void FilesystemScraper::scrape(Scrape& run) noexcept {
  const std::vector<Mount> mounts = list_mounts(run);
  const std::vector<MountReading> readings = prober_.read(mounts);
  std::vector<FileSystem> list;
  for (size_t i = 0; i < mounts.size(); ++i) {
    const MountReading& is = readings[i];
    if (is.outcome == Outcome::kRefused) run.error(Reason::kUnreadable);
    if (is.outcome == Outcome::kHidden) run.error(Reason::kHidden);
    if (is.outcome == Outcome::kStuck) run.error(Reason::kStuck);
    if (is.outcome == Outcome::kRefused || is.outcome == Outcome::kHidden) continue;
    if (is.outcome == Outcome::kRead && !is_sound(is)) {
      run.error(Reason::kGarbage);
      continue;
    }
    if (is.outcome == Outcome::kRead && is.total_bytes == 0) continue;  // one without space
    list.push_back({labels_of(mounts[i]), is});
  }
  add_space(run, list);
  add_stuck(run, list);
}

}  // namespace hostlens::scrapers
