// SPDX-License-Identifier: Apache-2.0
#include "scrapers/socket_scraper.h"

#include <ctime>
#include <utility>

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

constexpr size_t kMaxTableBytes = 2 * kMaxCountedSockets * 180;  ///< a line of tcp6 has up to 180
constexpr size_t kListen = 10;                                   ///< TCP_LISTEN

void add_to(std::optional<uint64_t>& total, std::optional<uint64_t> more) {
  if (more) total = total.value_or(0) + *more;
}

std::optional<uint64_t> hexadecimal(std::string_view word) {
  uint64_t number = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number, 16);
  if (word.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

uint64_t thread_cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

void add_totals(Scrape& run, const SocketTotals& totals) {
  run.list().add({"hostlens.network.sockets", "Sockets by protocol and what becomes of them.",
                  "{socket}", MetricKind::kUpDownCounter},
                 [&](model::MetricFamily& family) {
                   const auto add = [&](std::string_view transport, std::string_view state,
                                        std::optional<uint64_t> sockets) {
                     if (!sockets) return;
                     run.point(family,
                               attributes({{"network.transport", transport}, {"state", state}}),
                               *sockets);
                   };
                   add("tcp", "in_use", totals.tcp_in_use);
                   add("tcp", "orphan", totals.tcp_orphans);
                   add("tcp", "time_wait", totals.tcp_time_wait);
                   add("tcp", "allocated", totals.tcp_allocated);
                   add("udp", "in_use", totals.udp_in_use);
                 });
  if (totals.tcp_memory_pages) {
    run.one({"hostlens.network.tcp.memory", "Memory of TCP's buffers.", "By",
             MetricKind::kUpDownCounter},
            std::optional<uint64_t>(*totals.tcp_memory_pages * run.units().page_bytes));
  }
}

void add_states(Scrape& run, const ConnectionCounts& counts) {
  run.list().add({"system.network.connection.count", "TCP connections by state.", "{connection}",
                  MetricKind::kUpDownCounter},
                 [&](model::MetricFamily& family) {
                   for (size_t i = 0; i < counts.by_state.size(); ++i) {
                     if (connection_state(i).empty()) continue;
                     run.point(family,
                               attributes({{"network.connection.state", connection_state(i)},
                                           {"network.transport", "tcp"}}),
                               counts.by_state[i]);
                   }
                 });
}

void add_ports(Scrape& run, const ConnectionCounts& counts) {
  auto text = run.proc("sys/net/ipv4/ip_local_port_range", Presence::kOptional);
  if (!text) return;
  auto line = next_line(*text);
  const auto first = line ? next_number<uint16_t>(*line) : std::nullopt;
  const auto last = line ? next_number<uint16_t>(*line) : std::nullopt;
  if (!first || !last || *first > *last) return run.error(Reason::kGarbage);
  uint64_t used = 0;
  for (size_t port = *first; port <= *last; ++port) used += counts.local_ports[port] ? 1U : 0U;
  run.one({"hostlens.network.ephemeral_ports.used", "Ephemeral ports that a TCP connection holds.",
           "{port}", MetricKind::kUpDownCounter},
          std::optional<uint64_t>(used));
  run.one({"hostlens.network.ephemeral_ports.limit", "Ephemeral ports: ip_local_port_range.",
           "{port}", MetricKind::kUpDownCounter},
          std::optional<uint64_t>(uint64_t{*last} - *first + 1));
}

void add_conntrack(Scrape& run) {
  constexpr auto kUpDown = MetricKind::kUpDownCounter;
  run.one(
      {"hostlens.conntrack.entries", "Connections that netfilter tracks.", "{connection}", kUpDown},
      run.proc_number("sys/net/netfilter/nf_conntrack_count", Presence::kOptional));
  run.one({"hostlens.conntrack.limit", "Connections that netfilter can track.", "{connection}",
           kUpDown},
          run.proc_number("sys/net/netfilter/nf_conntrack_max", Presence::kOptional));
}

}  // namespace

void add_sockstat(std::string_view text, SocketTotals& totals) {
  while (auto line = next_line(text)) {
    const std::string_view protocol = next_word(*line);
    const bool tcp = protocol == "TCP:" || protocol == "TCP6:";
    const bool udp = protocol == "UDP:" || protocol == "UDP6:";
    if (!tcp && !udp) continue;
    while (true) {
      const std::string_view key = next_word(*line);
      if (key.empty()) break;
      const auto number = next_number(*line);
      if (key == "inuse") add_to(tcp ? totals.tcp_in_use : totals.udp_in_use, number);
      if (!tcp) continue;
      if (key == "orphan") add_to(totals.tcp_orphans, number);
      if (key == "tw") add_to(totals.tcp_time_wait, number);
      if (key == "alloc") add_to(totals.tcp_allocated, number);
      if (key == "mem") add_to(totals.tcp_memory_pages, number);
    }
  }
}

std::string_view connection_state(size_t kernel_state) {
  // enum of include/net/tcp_states.h; 12 is a half-open connection as well.
  constexpr std::array<std::string_view, 12> kNames = {
      "",          "established", "syn_sent",   "syn_received", "fin_wait_1", "fin_wait_2",
      "time_wait", "closed",      "close_wait", "last_ack",     "listen",     "closing"};
  return kernel_state < kNames.size() ? kNames[kernel_state] : std::string_view{};
}

bool add_connections(std::string_view text, ConnectionCounts& counts) {
  while (auto line = next_line(text)) {
    if (!next_word(*line).ends_with(':')) continue;
    std::string_view local = next_word(*line);
    next_word(*line);  // remote
    const auto state = hexadecimal(next_word(*line));
    const size_t colon = local.find(':');
    if (!state || *state >= counts.by_state.size() || colon == std::string_view::npos) continue;
    const auto port = hexadecimal(local.substr(colon + 1));
    if (!port || *port >= counts.local_ports.size()) continue;
    constexpr size_t kSynReceived = 3;
    constexpr size_t kNewSynReceived = 12;
    ++counts.by_state[*state == kNewSynReceived ? kSynReceived : *state];
    if (*state != kListen) counts.local_ports.set(*port);
  }
  return text.empty();
}

std::unique_ptr<ConnectionCounts> SocketScraper::count(Scrape& run) {
  auto counts = std::make_unique<ConnectionCounts>();
  const uint64_t start_ns = thread_cpu_ns();
  const auto add_table = [&](const char* path, Presence presence) {
    const auto text = run.proc(path, presence, kMaxTableBytes);
    const bool absent = !text && presence == Presence::kOptional;
    if (absent || (text && add_connections(*text, *counts))) return true;
    if (text) run.error(Reason::kGarbage);
    return false;
  };
  const bool whole =
      add_table("net/tcp", Presence::kRequired) && add_table("net/tcp6", Presence::kOptional);
  next_count_ns_ = run.time().now_ns + kRestPerCost * (thread_cpu_ns() - start_ns);
  return whole ? std::move(counts) : nullptr;
}

void SocketScraper::scrape(Scrape& run) noexcept {
  SocketTotals totals;
  if (const auto text = run.proc("net/sockstat")) add_sockstat(*text, totals);
  if (const auto text = run.proc("net/sockstat6", Presence::kOptional)) {
    add_sockstat(*text, totals);
  }
  add_totals(run, totals);
  add_conntrack(run);
  const bool few = totals.tcp_in_use &&
                   *totals.tcp_in_use + totals.tcp_time_wait.value_or(0) <= kMaxCountedSockets;
  if (!few) {
    counts_ = nullptr;
  } else if (run.time().now_ns >= next_count_ns_) {
    counts_ = count(run);
  }
  if (counts_ == nullptr) return;
  add_states(run, *counts_);
  add_ports(run, *counts_);
}

}  // namespace hostlens::scrapers
