// SPDX-License-Identifier: Apache-2.0
#include "scrapers/paging_scraper.h"

#include <utility>

#include "discovery/proc_files.h"
#include "scrapers/mount_table.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

constexpr uint64_t kMostKibibytes = UINT64_MAX / 1024;

void add_usage(Scrape& run, const std::vector<SwapArea>& areas) {
  run.list().add(
      {"system.paging.usage", "Swap space by state.", "By", MetricKind::kUpDownCounter},
      [&](model::MetricFamily& family) {
        for (const SwapArea& area : areas) {
          const auto add = [&](std::string_view state, uint64_t bytes) {
            run.point(family,
                      attributes({{"system.device", area.device}, {"system.paging.state", state}}),
                      bytes);
          };
          add("used", area.used_bytes);
          add("free", area.size_bytes - area.used_bytes);
        }
      });
}

void add_counts(Scrape& run, const PagingCounts& counts) {
  if (counts.faults && counts.major_faults) {
    run.list().add({"system.paging.faults", "Page faults.", "{fault}", MetricKind::kCounter},
                   [&](model::MetricFamily& family) {
                     const auto add = [&](std::string_view type, uint64_t faults) {
                       run.point(family, attributes({{"system.paging.fault.type", type}}), faults);
                     };
                     add("major", *counts.major_faults);
                     add("minor", *counts.faults - *counts.major_faults);
                   });
  }
  run.list().add(
      {"system.paging.operations", "Pages swapped in and out.", "{operation}",
       MetricKind::kCounter},
      [&](model::MetricFamily& family) {
        const auto add = [&](std::string_view direction, std::optional<uint64_t> pages) {
          if (!pages) return;
          run.point(family, attributes({{"system.paging.direction", direction}}), *pages);
        };
        add("in", counts.swapped_in);
        add("out", counts.swapped_out);
      });
}

}  // namespace

std::vector<SwapArea> parse_swaps(std::string_view text) {
  std::vector<SwapArea> areas;
  if (!next_line(text)) return areas;  // the heading
  while (auto line = next_line(text)) {
    const std::string_view device = next_word(*line);
    next_word(*line);  // partition or file
    const auto size = next_number(*line);
    const auto used = next_number(*line);
    if (!size || !used || *size > kMostKibibytes || *used > *size) continue;
    if (areas.size() == kMaxSwapAreas) break;
    areas.push_back({discovery::clean_text(without_escapes(device)), *size * 1024, *used * 1024});
  }
  return areas;
}

PagingCounts parse_vmstat(std::string_view text) {
  PagingCounts counts;
  while (auto line = next_line(text)) {
    const std::string_view key = next_word(*line);
    if (key == "pgfault") counts.faults = next_number(*line);
    if (key == "pgmajfault") counts.major_faults = next_number(*line);
    if (key == "pswpin") counts.swapped_in = next_number(*line);
    if (key == "pswpout") counts.swapped_out = next_number(*line);
  }
  // Summed over CPUs one after the other: never more of a part than of the whole.
  if (counts.faults && counts.major_faults && *counts.major_faults > *counts.faults) {
    counts.faults.reset();
  }
  return counts;
}

void PagingScraper::scrape(Scrape& run) noexcept {
  if (const auto text = run.proc("swaps", Presence::kOptional)) add_usage(run, parse_swaps(*text));
  if (const auto text = run.proc("vmstat")) {
    const PagingCounts counts = parse_vmstat(*text);
    if (!counts.faults || !counts.major_faults) run.error(Reason::kGarbage);
    add_counts(run, counts);
  }
}

}  // namespace hostlens::scrapers
