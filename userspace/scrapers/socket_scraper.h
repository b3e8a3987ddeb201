// SPDX-License-Identifier: Apache-2.0
// Sockets, connections, ephemeral ports and connection tracking of the whole host.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
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

/// Connections are counted by state only while there are at most so many sockets.
inline constexpr uint64_t kMaxCountedSockets = 4000;

class SocketScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "socket"; }
  void scrape(Scrape& run) noexcept override;

 private:
  [[nodiscard]] std::unique_ptr<ConnectionCounts> count(Scrape& run);

  /// The last count. The kernel walks its whole table of connections, used or not, several times:
  /// 10 ms of CPU on a host of 24 GB. It is let rest for so many times what it cost.
  static constexpr uint64_t kRestPerCost = 3000;
  std::unique_ptr<ConnectionCounts> counts_;
  uint64_t next_count_ns_ = 0;
};

}  // namespace hostlens::scrapers
