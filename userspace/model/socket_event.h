// SPDX-License-Identifier: Apache-2.0
// What the decoders make of ring records: plain values, no clock, no system calls.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/byte_reader.h"
#include "model/process_key.h"
#include "model/socket_address.h"

namespace hostlens::model {

/// Numbered by the probe: unique while it is loaded, never reused.
using ConnectionId = uint64_t;

enum class Direction : uint8_t { kReceive = 0, kSend = 1 };

/// Which end of the connection the socket is. Unknown when it existed before the agent and the
/// local port tells nothing; then the protocol parser decides by who sends requests.
enum class SocketRole : uint8_t { kUnknown, kClient, kServer };

/// First sight of a connection of a target: opened now, or found mid-life.
struct SocketOpened {
  uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, as all times here
  ConnectionId connection = 0;
  ProcessKey process;  ///< the process that uses it first (start_ticks may be 0 when unknown)
  uint32_t tid = 0;
  SocketRole role = SocketRole::kUnknown;
  bool mid_life = false;  ///< it carried bytes before the agent looked
  SocketAddress local;
  SocketAddress remote;
  uint32_t network_namespace = 0;  ///< inode number
  uint64_t connect_latency_ns =
      0;  ///< client side TCP: SYN sent to established, 0 when not measured
  /// Stream positions of the first bytes that can be reported: a first record elsewhere is a loss.
  bool positions_known = false;
  uint64_t send_position = 0;
  uint64_t receive_position = 0;
  /// AF_UNIX: opaque identities of this socket and of its peer, to join both ends; 0 when unknown.
  uint64_t socket_identity = 0;
  uint64_t peer_identity = 0;
};

/// One socket call that moved bytes (or saw the end of the stream).
struct SocketData {
  uint64_t time_ns = 0;  ///< when the call returned its bytes
  ConnectionId connection = 0;
  uint32_t pid = 0;
  uint32_t tid = 0;
  Direction direction = Direction::kReceive;
  bool end_of_stream = false;  ///< a receive that returned 0: the peer closed its direction
  bool length_only = false;    ///< sendfile, splice, io_uring, 32-bit call: bytes counted, not seen
  /// Stream position of the first byte of this call. For TCP the low 32 bits equal the sequence
  /// numbers that both ends use, so that two ends on one host can be joined; it never goes back.
  uint64_t position = 0;
  uint64_t length = 0;  ///< bytes moved by the call
  base::Bytes
      payload;  ///< the first payload.size() <= length bytes; valid only during the callback
  uint32_t srtt_us = 0;      ///< TCP: smoothed round-trip time, 0 otherwise
  uint32_t retransmits = 0;  ///< TCP: total retransmitted segments of the connection so far
};

enum class CloseReason : uint8_t { kNormal, kResetByPeer, kResetByUs, kTimeout };

/// Of a reset that was sent, the kernel's reason; of one that was received, how far the connection
/// had come.
enum class ResetReason : uint8_t {
  kNone,  ///< no reset
  kUnreadData,
  kAborted,
  kDataAfterClose,
  kLinger,
  kMemory,
  kKeepalive,
  kBadSegment,
  kOther,
  kWhileEstablished,
  kWhileHalfClosed,  ///< the peer had closed its side
  kWhileClosing,     ///< we had closed ours
  kCount
};

struct SocketClosed {
  uint64_t time_ns = 0;
  ConnectionId connection = 0;
  CloseReason reason = CloseReason::kNormal;
  ResetReason reset_reason = ResetReason::kNone;
  uint64_t bytes_sent = 0;  ///< of the whole life for TCP, since first sight otherwise
  uint64_t bytes_received = 0;
  uint32_t srtt_us = 0;
  uint32_t retransmits = 0;
};

struct ConnectFailed {
  uint64_t time_ns = 0;
  ProcessKey process;
  SocketAddress remote;
  int32_t errno_value =
      0;  ///< ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH ...; 0 when the kernel keeps none
  uint64_t latency_ns = 0;
};

/// A process executed a program (targets and their offspring, and everything that discovery
/// watches).
struct ProcessExec {
  uint64_t time_ns = 0;
  ProcessKey process;
  uint32_t parent_pid = 0;
  uint64_t cgroup_id = 0;
  bool is_target = false;
  std::string comm;
};

struct ProcessFork {
  uint64_t time_ns = 0;
  ProcessKey process;  ///< the child
  uint32_t parent_pid = 0;
  bool is_target = false;
};

/// The last thread of a process ended.
struct ProcessExit {
  uint64_t time_ns = 0;
  ProcessKey process;
  uint32_t exit_code = 0;  ///< as wait(2) encodes it
};

using ControlEvent =
    std::variant<SocketOpened, SocketClosed, ConnectFailed, ProcessExec, ProcessFork, ProcessExit>;

}  // namespace hostlens::model
