// SPDX-License-Identifier: Apache-2.0
// /proc/net/dev: system.network.{io,packet.count,packet.dropped,errors}.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

struct InterfaceCounts {
  std::string_view name;  ///< a view of the line
  struct Direction {
    uint64_t bytes = 0, packets = 0, errors = 0, dropped = 0;
  };
  Direction received, sent;
};
/// proc(5), a line of /proc/net/dev that is no heading.
[[nodiscard]] std::optional<InterfaceCounts> parse_interface_line(std::string_view line);

/// The host's end of a container's link: as many as there are containers, with names by chance.
/// Their traffic shows on the bridge or the uplink.
[[nodiscard]] bool is_container_link(std::string_view name);

inline constexpr size_t kMaxInterfaces = 128;

class InterfaceScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "interface"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
