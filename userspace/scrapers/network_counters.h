// SPDX-License-Identifier: Apache-2.0
// /proc/net/snmp, snmp6 and netstat: what TCP and UDP of the whole host count, as
// hostlens.network.*. Which counters, and under which names, is one table in the .cpp.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// "Tcp.RetransSegs" -> value. Gauges that may be negative (Tcp.MaxConn is -1) are left out.
using ProtocolCounts = std::map<std::string, uint64_t, std::less<>>;
inline constexpr size_t kMaxProtocolCounts = 2048;
/// The form of snmp and netstat: a line of names, a line of numbers. A pair that does not fit is
/// left out whole. False when there was one.
bool parse_protocol_pairs(std::string_view text, ProtocolCounts& counts);
/// The form of snmp6: "Udp6InDatagrams   17" -> "Udp6InDatagrams".
bool parse_protocol_lines(std::string_view text, ProtocolCounts& counts);

class NetworkCounters final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "network_counters"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
