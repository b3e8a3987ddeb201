// SPDX-License-Identifier: Apache-2.0
#include "scrapers/interface_scraper.h"

#include <array>
#include <string>
#include <vector>

#include "discovery/proc_files.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;
using Direction = InterfaceCounts::Direction;

constexpr size_t kMaxDevBytes = 1024 * 1024;
constexpr std::array<std::string_view, 3> kContainerLinks = {"veth", "cali", "lxc"};

struct Interface {
  std::string name;
  Direction received, sent;
};

void add(Scrape& run, const aggregators::FamilyName& name, const std::vector<Interface>& list,
         uint64_t Direction::*member) {
  run.list().add(name, [&](model::MetricFamily& family) {
    for (const Interface& is : list) {
      const auto add_direction = [&](std::string_view direction, const Direction& counts) {
        run.point(
            family,
            attributes({{"network.interface.name", is.name}, {"network.io.direction", direction}}),
            counts.*member);
      };
      add_direction("receive", is.received);
      add_direction("transmit", is.sent);
    }
  });
}

}  // namespace

std::optional<InterfaceCounts> parse_interface_line(std::string_view line) {
  const size_t colon = line.rfind(':');  // an alias has one in its name
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view name = line.substr(0, colon);
  line.remove_prefix(colon + 1);
  InterfaceCounts counts;
  counts.name = next_word(name);
  if (counts.name.empty()) return std::nullopt;
  std::array<uint64_t, 16> columns{};
  for (uint64_t& column : columns) {
    const auto number = next_number(line);
    if (!number) return std::nullopt;
    column = *number;
  }
  counts.received = {columns[0], columns[1], columns[2], columns[3]};
  counts.sent = {columns[8], columns[9], columns[10], columns[11]};
  return counts;
}

bool is_container_link(std::string_view name) {
  for (const std::string_view prefix : kContainerLinks) {
    // "lxcbr0" is a bridge.
    if (name.starts_with(prefix) && !name.starts_with("lxcbr")) return true;
  }
  return false;
}

void InterfaceScraper::scrape(Scrape& run) noexcept {
  const auto text = run.proc("net/dev", Presence::kRequired, kMaxDevBytes);
  if (!text) return;
  std::string_view rest = *text;
  std::vector<Interface> list;
  for (size_t row = 0;; ++row) {
    const auto line = next_line(rest);
    if (!line) break;
    if (row < 2) continue;  // headings
    const auto counts = parse_interface_line(*line);
    if (!counts) {
      run.error(Reason::kGarbage);
      continue;
    }
    if (is_container_link(counts->name)) continue;
    if (list.size() == kMaxInterfaces) {
      run.error(Reason::kTooMany);
      break;
    }
    list.push_back({discovery::clean_text(counts->name, 64), counts->received, counts->sent});
  }
  constexpr auto kCounter = MetricKind::kCounter;
  add(run, {"system.network.io", "Bytes received and sent.", "By", kCounter}, list,
      &Direction::bytes);
  add(run, {"system.network.packet.count", "Packets received and sent.", "{packet}", kCounter},
      list, &Direction::packets);
  add(run,
      {"system.network.packet.dropped", "Packets dropped although they were good.", "{packet}",
       kCounter},
      list, &Direction::dropped);
  add(run, {"system.network.errors", "Packets that failed.", "{error}", kCounter}, list,
      &Direction::errors);
}

}  // namespace hostlens::scrapers
