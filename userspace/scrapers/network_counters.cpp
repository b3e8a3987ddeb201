// SPDX-License-Identifier: Apache-2.0
#include "scrapers/network_counters.h"

#include <array>
#include <optional>
#include <vector>

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

constexpr std::string_view kDirection = "network.io.direction";

/// One counter of the kernel. Rows of one family stand together.
struct Row {
  std::string_view field;
  std::string_view family, description, unit;
  std::string_view key, value;    ///< an attribute, "": none
  std::string_view key2, value2;  ///< another one
};

constexpr std::array<Row, 42> kRows = {{
    {"Tcp.ActiveOpens", "hostlens.network.tcp.connections", "TCP connections opened.",
     "{connection}", "side", "client", "", ""},
    {"Tcp.PassiveOpens", "hostlens.network.tcp.connections", "", "", "side", "server", "", ""},
    {"Tcp.AttemptFails", "hostlens.network.tcp.connection.failures",
     "TCP connections that failed before they were established.", "{connection}", "", "", "", ""},
    {"Tcp.InSegs", "hostlens.network.tcp.segments", "TCP segments.", "{segment}", kDirection,
     "receive", "", ""},
    {"Tcp.OutSegs", "hostlens.network.tcp.segments", "", "", kDirection, "transmit", "", ""},
    {"Tcp.RetransSegs", "hostlens.network.tcp.retransmits", "TCP segments sent again.", "{segment}",
     "", "", "", ""},
    {"Tcp.InErrs", "hostlens.network.tcp.errors", "Bad TCP segments received.", "{segment}", "", "",
     "", ""},
    {"Tcp.OutRsts", "hostlens.network.tcp.resets", "TCP resets.", "{reset}", "side", "sent", "",
     ""},
    {"TcpExt.ListenOverflows", "hostlens.network.tcp.listen.overflows",
     "Connections refused because an accept queue was full.", "{connection}", "", "", "", ""},
    {"TcpExt.ListenDrops", "hostlens.network.tcp.listen.drops",
     "Connections dropped by a listener for any reason.", "{connection}", "", "", "", ""},
    {"TcpExt.TCPReqQFullDrop", "hostlens.network.tcp.syn.drops",
     "SYNs dropped because the queue of half-open connections was full.", "{packet}", "", "", "",
     ""},
    {"TcpExt.TCPReqQFullDoCookies", "hostlens.network.tcp.syn.cookies",
     "SYNs answered with a cookie because that queue was full.", "{packet}", "", "", "", ""},
    {"TcpExt.TCPSynRetrans", "hostlens.network.tcp.syn.retransmits",
     "SYNs and SYN-ACKs sent again.", "{packet}", "", "", "", ""},
    {"TcpExt.TCPTimeouts", "hostlens.network.tcp.timeouts", "Retransmission timers that ran out.",
     "{timeout}", "", "", "", ""},
    {"TcpExt.TCPOFOQueue", "hostlens.network.tcp.out_of_order",
     "TCP segments received out of order.", "{segment}", "", "", "", ""},
    {"TcpExt.TCPToZeroWindowAdv", "hostlens.network.tcp.zero_windows",
     "Windows of zero advertised: a reader was too slow.", "{packet}", "", "", "", ""},
    {"TcpExt.TCPZeroWindowDrop", "hostlens.network.tcp.drops",
     "TCP segments dropped by the receiving side.", "{segment}", "reason", "zero_window", "", ""},
    {"TcpExt.TCPRcvQDrop", "hostlens.network.tcp.drops", "", "", "reason", "receive_queue", "", ""},
    {"TcpExt.TCPBacklogDrop", "hostlens.network.tcp.drops", "", "", "reason", "backlog", "", ""},
    {"TcpExt.TCPOFODrop", "hostlens.network.tcp.drops", "", "", "reason", "out_of_order", "", ""},
    {"TcpExt.PFMemallocDrop", "hostlens.network.tcp.drops", "", "", "reason", "memory", "", ""},
    {"TcpExt.TCPAbortOnTimeout", "hostlens.network.tcp.aborts",
     "TCP connections that the kernel gave up.", "{connection}", "reason", "timeout", "", ""},
    {"TcpExt.TCPAbortOnMemory", "hostlens.network.tcp.aborts", "", "", "reason", "memory", "", ""},
    {"TcpExt.TCPAbortOnData", "hostlens.network.tcp.aborts", "", "", "reason", "unread_data", "",
     ""},
    {"TcpExt.TCPAbortOnClose", "hostlens.network.tcp.aborts", "", "", "reason", "close", "", ""},
    {"TcpExt.TCPMemoryPressures", "hostlens.network.tcp.memory_pressures",
     "Times that TCP ran short of memory.", "{event}", "", "", "", ""},
    {"TcpExt.TCPTimeWaitOverflow", "hostlens.network.tcp.time_wait.overflows",
     "Connections that found no room in TIME_WAIT.", "{connection}", "", "", "", ""},
    {"Udp.InDatagrams", "hostlens.network.udp.datagrams", "UDP datagrams.", "{datagram}",
     kDirection, "receive", "network.type", "ipv4"},
    {"Udp.OutDatagrams", "hostlens.network.udp.datagrams", "", "", kDirection, "transmit",
     "network.type", "ipv4"},
    {"Udp6InDatagrams", "hostlens.network.udp.datagrams", "", "", kDirection, "receive",
     "network.type", "ipv6"},
    {"Udp6OutDatagrams", "hostlens.network.udp.datagrams", "", "", kDirection, "transmit",
     "network.type", "ipv6"},
    {"Udp.RcvbufErrors", "hostlens.network.udp.errors", "UDP datagrams lost.", "{datagram}",
     "reason", "receive_buffer", "network.type", "ipv4"},
    {"Udp.SndbufErrors", "hostlens.network.udp.errors", "", "", "reason", "send_buffer",
     "network.type", "ipv4"},
    {"Udp.InCsumErrors", "hostlens.network.udp.errors", "", "", "reason", "checksum",
     "network.type", "ipv4"},
    {"Udp.NoPorts", "hostlens.network.udp.errors", "", "", "reason", "no_port", "network.type",
     "ipv4"},
    {"Udp.MemErrors", "hostlens.network.udp.errors", "", "", "reason", "memory", "network.type",
     "ipv4"},
    {"Udp6RcvbufErrors", "hostlens.network.udp.errors", "", "", "reason", "receive_buffer",
     "network.type", "ipv6"},
    {"Udp6SndbufErrors", "hostlens.network.udp.errors", "", "", "reason", "send_buffer",
     "network.type", "ipv6"},
    {"Udp6InCsumErrors", "hostlens.network.udp.errors", "", "", "reason", "checksum",
     "network.type", "ipv6"},
    {"Udp6NoPorts", "hostlens.network.udp.errors", "", "", "reason", "no_port", "network.type",
     "ipv6"},
    {"Udp6MemErrors", "hostlens.network.udp.errors", "", "", "reason", "memory", "network.type",
     "ipv6"},
    {"IpExt.InCsumErrors", "hostlens.network.ip.checksum_errors",
     "IP packets with a wrong checksum.", "{packet}", "", "", "", ""},
}};

model::Attributes labels_of(const Row& row) {
  model::Attributes labels;
  if (!row.key.empty()) aggregators::put_text(labels, row.key, row.value);
  if (!row.key2.empty()) aggregators::put_text(labels, row.key2, row.value2);
  return labels;
}

void add_families(Scrape& run, const ProtocolCounts& counts) {
  for (size_t first = 0; first < kRows.size();) {
    const Row& head = kRows[first];
    size_t end = first;
    while (end < kRows.size() && kRows[end].family == head.family) ++end;
    run.list().add({head.family, head.description, head.unit, MetricKind::kCounter},
                   [&](model::MetricFamily& family) {
                     for (size_t i = first; i < end; ++i) {
                       const auto found = counts.find(kRows[i].field);
                       if (found == counts.end()) continue;
                       run.point(family, labels_of(kRows[i]), found->second);
                     }
                   });
    first = end;
  }
}

bool add_pair(std::string_view names, std::string_view numbers, ProtocolCounts& counts) {
  const std::string_view protocol = next_word(names);
  if (!protocol.ends_with(':') || next_word(numbers) != protocol) return false;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  while (true) {
    const std::string_view name = next_word(names);
    const std::string_view number = next_word(numbers);
    if (name.empty() != number.empty()) return false;
    if (name.empty()) break;
    fields.emplace_back(name, number);
  }
  for (const auto& [name, word] : fields) {
    const auto number = to_number(word);
    if (!number || counts.size() == kMaxProtocolCounts) continue;
    std::string key(protocol.substr(0, protocol.size() - 1));
    key.append(".").append(name);
    counts[key] = *number;
  }
  return true;
}

}  // namespace

bool parse_protocol_pairs(std::string_view text, ProtocolCounts& counts) {
  bool good = true;
  while (const auto names = next_line(text)) {
    const auto numbers = next_line(text);
    if (!numbers) return false;
    good = add_pair(*names, *numbers, counts) && good;
  }
  return good && text.empty();
}

bool parse_protocol_lines(std::string_view text, ProtocolCounts& counts) {
  bool good = true;
  while (auto line = next_line(text)) {
    const std::string_view name = next_word(*line);
    const auto number = next_number(*line);
    if (name.empty() || !number) {
      good = false;
    } else if (counts.size() < kMaxProtocolCounts) {
      counts[std::string(name)] = *number;
    }
  }
  return good && text.empty();
}

void NetworkCounters::scrape(Scrape& run) noexcept {
  ProtocolCounts counts;
  for (const char* const path : {"net/snmp", "net/netstat"}) {
    const auto text = run.proc(path);
    if (text && !parse_protocol_pairs(*text, counts)) run.error(Reason::kGarbage);
  }
  if (const auto text = run.proc("net/snmp6", Presence::kOptional)) {
    if (!parse_protocol_lines(*text, counts)) run.error(Reason::kGarbage);
  }
  add_families(run, counts);
}

}  // namespace hostlens::scrapers
