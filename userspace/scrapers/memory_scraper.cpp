// SPDX-License-Identifier: Apache-2.0
#include "scrapers/memory_scraper.h"

#include <array>
#include <utility>

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

struct Field {
  std::string_view key;
  std::optional<uint64_t> MemoryInfo::*member;
};
constexpr std::array<Field, 8> kFields = {{{"MemTotal:", &MemoryInfo::total},
                                           {"MemFree:", &MemoryInfo::free},
                                           {"MemAvailable:", &MemoryInfo::available},
                                           {"Buffers:", &MemoryInfo::buffers},
                                           {"Cached:", &MemoryInfo::cached},
                                           {"Shmem:", &MemoryInfo::shared},
                                           {"SReclaimable:", &MemoryInfo::slab_reclaimable},
                                           {"SUnreclaim:", &MemoryInfo::slab_unreclaimable}}};

constexpr uint64_t kMostKibibytes = UINT64_MAX / 1024;

}  // namespace

MemoryInfo parse_meminfo(std::string_view text) {
  MemoryInfo memory;
  while (auto line = next_line(text)) {
    const std::string_view key = next_word(*line);
    for (const Field& field : kFields) {
      if (field.key != key) continue;
      const auto kibibytes = next_number(*line);
      if (kibibytes && *kibibytes <= kMostKibibytes) memory.*field.member = *kibibytes * 1024;
    }
  }
  return memory;
}

std::optional<uint64_t> used_bytes(const MemoryInfo& memory) {
  if (!memory.total) return std::nullopt;
  uint64_t rest = *memory.total;
  for (const auto& part : {memory.free, memory.buffers, memory.cached, memory.slab_reclaimable,
                           memory.slab_unreclaimable}) {
    if (!part || *part > rest) return std::nullopt;
    rest -= *part;
  }
  return rest;
}

void MemoryScraper::scrape(Scrape& run) noexcept {
  const auto text = run.proc("meminfo");
  if (!text) return;
  const MemoryInfo memory = parse_meminfo(*text);
  const auto used = used_bytes(memory);
  if (!used) run.error(Reason::kGarbage);
  constexpr auto kUpDown = MetricKind::kUpDownCounter;
  if (used) {
    run.list().add(
        {"system.memory.usage", "Memory by state; the states add up to the limit.", "By", kUpDown},
        [&](model::MetricFamily& family) {
          const std::array<std::pair<std::string_view, uint64_t>, 6> states = {
              {{"used", *used},
               {"free", *memory.free},
               {"buffers", *memory.buffers},
               {"cached", *memory.cached},
               {"slab_reclaimable", *memory.slab_reclaimable},
               {"slab_unreclaimable", *memory.slab_unreclaimable}}};
          for (const auto& [state, bytes] : states) {
            run.point(family, attributes({{"system.memory.state", state}}), bytes);
          }
        });
  }
  run.one({"system.memory.limit", "Memory of the host: MemTotal.", "By", kUpDown}, memory.total);
  run.one({"system.memory.linux.available",
           "Memory that new work could have without swapping, as the kernel estimates it.", "By",
           kUpDown},
          memory.available);
  run.one({"system.memory.linux.shared", "Shared memory and tmpfs; part of cached.", "By", kUpDown},
          memory.shared);
  run.list().add(
      {"system.memory.linux.slab.usage", "Memory in the kernel's own caches.", "By", kUpDown},
      [&](model::MetricFamily& family) {
        const auto add = [&](std::string_view state, std::optional<uint64_t> bytes) {
          if (!bytes) return;
          run.point(family, attributes({{"system.memory.linux.slab.state", state}}), *bytes);
        };
        add("reclaimable", memory.slab_reclaimable);
        add("unreclaimable", memory.slab_unreclaimable);
      });
}

}  // namespace hostlens::scrapers
