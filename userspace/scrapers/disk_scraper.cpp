// SPDX-License-Identifier: Apache-2.0
#include "scrapers/disk_scraper.h"

#include <algorithm>
#include <set>
#include <utility>

#include "discovery/proc_files.h"
#include "scrapers/directory.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

constexpr uint64_t kSectorBytes = 512;  ///< of diskstats and of size, whatever the disk's own is
constexpr size_t kMaxDiskstatsBytes = 1024 * 1024;
constexpr size_t kMaxBlockEntries = 4096;

constexpr std::array<std::string_view, kDiskDirections> kDirectionNames = {"read", "write",
                                                                           "discard", "flush"};

struct Disk {
  std::string name;
  DiskCounts counts;
  std::optional<uint64_t> size_bytes;
};

bool is_idle(const DiskCounts& disk) {
  return std::all_of(disk.by_direction.begin(), disk.by_direction.end(),
                     [](const auto& direction) { return direction.operations == 0; });
}

/// Every host has some of these that were never used.
bool is_spare(const DiskCounts& disk) {
  const auto is = [&](std::string_view prefix) { return disk.name.starts_with(prefix); };
  return (is("loop") || is("ram") || is("zram") || is("nbd") || is("fd") || is("sr")) &&
         is_idle(disk);
}

/// How /sys/block lists whole disks: '/' of a name as '!'.
std::set<std::string> whole_disks(Scrape& run) {
  std::set<std::string> names;
  const bool read = for_each_entry(run.roots().sys + "/block", kMaxBlockEntries,
                                   [&](std::string_view entry) { names.emplace(entry); });
  if (!read) run.error(Reason::kUnreadable);
  return names;
}

bool tells(const DiskCounts& disk, size_t direction) {
  if (direction == static_cast<size_t>(DiskDirection::kDiscard)) return disk.has_discards;
  if (direction == static_cast<size_t>(DiskDirection::kFlush)) return disk.has_flushes;
  return true;
}

class DiskFamilies {
 public:
  DiskFamilies(Scrape& run, const std::vector<Disk>& disks) : run_(run), disks_(disks) {}

  template <typename Value>
  void by_direction(const aggregators::FamilyName& name, size_t directions, Value value) {
    run_.list().add(name, [&](model::MetricFamily& family) {
      for (const Disk& disk : disks_) {
        for (size_t i = 0; i < directions; ++i) {
          if (!tells(disk.counts, i)) continue;
          run_.point(
              family,
              attributes({{"system.device", disk.name}, {"disk.io.direction", kDirectionNames[i]}}),
              value(disk.counts.by_direction[i]));
        }
      }
    });
  }

  template <typename Value>
  void by_disk(const aggregators::FamilyName& name, std::string_view key, Value value) {
    run_.list().add(name, [&](model::MetricFamily& family) {
      for (const Disk& disk : disks_) {
        if (const auto is = value(disk)) run_.point(family, attributes({{key, disk.name}}), *is);
      }
    });
  }

 private:
  Scrape& run_;
  const std::vector<Disk>& disks_;
};

double seconds(uint64_t milliseconds) { return static_cast<double>(milliseconds) / 1000; }

void add_families(Scrape& run, const std::vector<Disk>& disks) {
  constexpr auto kCounter = MetricKind::kCounter;
  constexpr size_t kTransfers = 2;  // discarded bytes are not transferred
  using Direction = DiskCounts::Direction;
  DiskFamilies families(run, disks);
  families.by_direction({"system.disk.io", "Bytes read and written.", "By", kCounter}, kTransfers,
                        [](const Direction& is) { return is.sectors * kSectorBytes; });
  families.by_direction(
      {"system.disk.operations", "Operations completed.", "{operation}", kCounter}, kDiskDirections,
      [](const Direction& is) { return is.operations; });
  families.by_direction({"system.disk.operation_time",
                         "Time that operations took, those at once added up.", "s", kCounter},
                        kDiskDirections,
                        [](const Direction& is) { return seconds(is.milliseconds); });
  families.by_direction({"system.disk.merged", "Operations that were merged into another one.",
                         "{operation}", kCounter},
                        kDiskDirections - 1, [](const Direction& is) { return is.merged; });
  families.by_disk({"system.disk.io_time", "Time in which the disk had work.", "s", kCounter},
                   "system.device", [](const Disk& disk) {
                     return std::optional<double>(seconds(disk.counts.busy_milliseconds));
                   });
  families.by_disk({"system.disk.limit", "Size of the disk.", "By", MetricKind::kUpDownCounter},
                   "system.device", [](const Disk& disk) { return disk.size_bytes; });
  families.by_disk(
      {"hostlens.disk.io.in_flight", "Operations in progress.", "{operation}", MetricKind::kGauge},
      "device", [](const Disk& disk) { return std::optional<uint64_t>(disk.counts.in_flight); });
}

}  // namespace

std::optional<DiskCounts> parse_disk_line(std::string_view line) {
  if (!next_number<uint32_t>(line) || !next_number<uint32_t>(line)) return std::nullopt;
  DiskCounts disk;
  disk.name = next_word(line);
  if (disk.name.empty()) return std::nullopt;
  bool good = true;
  const auto take = [&](uint64_t& value) {
    const auto number = next_number(line);
    good = good && number;
    value = number.value_or(0);
  };
  const auto take_direction = [&](DiskCounts::Direction& direction) {
    take(direction.operations);
    take(direction.merged);
    take(direction.sectors);
    take(direction.milliseconds);
  };
  uint64_t weighted = 0;
  take_direction(disk.by_direction[0]);
  take_direction(disk.by_direction[1]);
  take(disk.in_flight);
  take(disk.busy_milliseconds);
  take(weighted);
  if (!good) return std::nullopt;
  take_direction(disk.by_direction[2]);
  disk.has_discards = good;
  take(disk.by_direction[3].operations);
  take(disk.by_direction[3].milliseconds);
  disk.has_flushes = good;
  return disk;
}

void DiskScraper::scrape(Scrape& run) noexcept {
  const std::set<std::string> whole = whole_disks(run);
  const auto text = run.proc("diskstats", Presence::kRequired, kMaxDiskstatsBytes);
  if (!text) return;
  std::vector<Disk> disks;
  std::string_view rest = *text;
  while (const auto line = next_line(rest)) {
    const auto counts = parse_disk_line(*line);
    if (!counts) {
      run.error(Reason::kGarbage);
      continue;
    }
    std::string entry(counts->name);
    std::replace(entry.begin(), entry.end(), '/', '!');
    if (!whole.contains(entry) || is_spare(*counts)) continue;
    if (disks.size() == kMaxDisks) {
      run.error(Reason::kTooMany);
      break;
    }
    disks.push_back({discovery::clean_text(counts->name, 64), *counts, {}});
  }
  for (Disk& disk : disks) {
    disk.counts.name = {};  // its text goes with the next read
    std::string entry = disk.name;
    std::replace(entry.begin(), entry.end(), '/', '!');
    const auto sectors = run.sys_number("block/" + entry + "/size");
    if (sectors && *sectors <= UINT64_MAX / kSectorBytes) disk.size_bytes = *sectors * kSectorBytes;
  }
  add_families(run, disks);
}

}  // namespace hostlens::scrapers
