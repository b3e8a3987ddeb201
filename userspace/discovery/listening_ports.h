// SPDX-License-Identifier: Apache-2.0
// Which process listens on which TCP port, in every network namespace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "discovery/process_reader.h"

namespace hostlens::discovery {

struct ListeningSocket {
  uint64_t inode = 0;
  uint16_t port = 0;
};

/// Listening sockets at the head of /proc/PID/net/tcp or tcp6: the kernel lists them before all
/// others (net/ipv4/tcp_ipv4.c, tcp_seek_last_pos), so the first other state ends it. Bounded by
/// 4096 sockets.
[[nodiscard]] std::vector<ListeningSocket> parse_listening(std::string_view table);

/// Remembers the tables of one look only: call forget() before the next. One thread.
class ListeningPorts {
 public:
  explicit ListeningPorts(ProcessReader& reader) : reader_(reader) {}

  void forget() { ports_of_inode_of_namespace_.clear(); }
  /// Ports this process holds a listening socket for; empty when its descriptors may not be read.
  [[nodiscard]] std::vector<uint16_t> ports_of(model::ProcessKey key);
  /// inode -> port of every listener in the process's network namespace, plus a number that tells
  /// the namespaces apart; nullptr when it may not be read. Valid until forget().
  using InodePorts = std::unordered_map<uint64_t, uint16_t>;
  [[nodiscard]] const InodePorts* listeners_near(model::ProcessKey key);

 private:
  [[nodiscard]] std::vector<uint64_t> socket_inodes(model::ProcessKey key);

  ProcessReader& reader_;
  /// Key: inode number of net/tcp, one per network namespace (procfs allocates it when the
  /// namespace is made), which tells namespaces apart without privilege.
  std::unordered_map<uint64_t, InodePorts> ports_of_inode_of_namespace_;
};

}  // namespace hostlens::discovery
