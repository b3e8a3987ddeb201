// SPDX-License-Identifier: Apache-2.0
// Sockets, connections, ephemeral ports and connection tracking of the whole host.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// /proc/net/sockstat and sockstat6, IPv4 and IPv6 together.
struct SocketTotals {
  std::optional<uint64_t> tcp_in_use;  ///< every state but TIME_WAIT and SYN_RECV
  std::optional<uint64_t> tcp_orphans, tcp_time_wait, tcp_allocated, tcp_memory_pages, udp_in_use;
};
void add_sockstat(std::string_view text, SocketTotals& totals);

/// Names of network.connection.state by the kernel's number (1 to 11); "" for the rest.
[[nodiscard]] std::string_view connection_state(size_t kernel_state);

/// Sums over lines of /proc/net/tcp and tcp6.
struct ConnectionCounts {
  std::array<uint64_t, 13> by_state{};  ///< by the kernel's number
  std::bitset<65536> local_ports;       ///< of connections, not of listeners
};
/// Headings and lines that are none are passed over. False when the text ends within a line.
bool add_connections(std::string_view text, ConnectionCounts& counts);

/// Connections are counted by state only while there are at most so many sockets: the kernel needs
/// some 0.5 us for each line of these files.
inline constexpr uint64_t kMaxCountedSockets = 4000;

class SocketScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "socket"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
