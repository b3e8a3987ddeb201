// SPDX-License-Identifier: Apache-2.0
#include "decoders/socket_decoder.h"

#include <linux/in6.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "decoders/fixed_part.h"
#include "records/process.h"
#include "records/socket.h"

namespace hostlens::decoders {
namespace {

bool is_mapped_ipv4(const __u8 (&ip)[16]) {
  constexpr __u8 kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(std::begin(kPrefix), std::end(kPrefix), ip);
}

bool decode_endpoint(const record_endpoint& endpoint, model::SocketAddress& address) {
  address = {};
  address.port = endpoint.port;
  switch (endpoint.family) {
    case AF_UNIX:
      address.family = model::AddressFamily::kUnix;
      return true;
    case AF_INET:
      address.family = model::AddressFamily::kIpv4;
      std::copy_n(endpoint.ip, 4, address.ip.begin());
      return true;
    case AF_INET6:
      if (is_mapped_ipv4(endpoint.ip)) {
        address.family = model::AddressFamily::kIpv4;
        std::copy_n(endpoint.ip + 12, 4, address.ip.begin());
      } else {
        address.family = model::AddressFamily::kIpv6;
        std::copy_n(endpoint.ip, 16, address.ip.begin());
      }
      return true;
    default:
      return false;
  }
}

model::SocketRole role(uint32_t flags) {
  if ((flags & SOCKET_OPENED_CLIENT) != 0) return model::SocketRole::kClient;
  if ((flags & SOCKET_OPENED_SERVER) != 0) return model::SocketRole::kServer;
  return model::SocketRole::kUnknown;
}

DecodeStatus decode_opened(base::Bytes bytes, model::ControlEvent& event) {
  const auto record = fixed_part<socket_opened_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  model::SocketOpened opened;
  if (!valid(record->process) || record->connection == 0 ||
      !decode_endpoint(record->local, opened.local) ||
      !decode_endpoint(record->remote, opened.remote)) {
    return DecodeStatus::kField;
  }
  opened.time_ns = record->header.time_ns;
  opened.connection = record->connection;
  opened.process = process_key(record->process);
  opened.tid = record->process.tid;
  opened.role = role(record->flags);
  opened.mid_life = (record->flags & SOCKET_OPENED_MID_LIFE) != 0;
  opened.network_namespace = record->network_namespace;
  opened.connect_latency_ns = record->connect_latency_ns;
  opened.positions_known = (record->flags & SOCKET_OPENED_POSITIONS_KNOWN) != 0;
  opened.send_position = record->send_position;
  opened.receive_position = record->receive_position;
  opened.socket_identity = record->socket_identity;
  opened.peer_identity = record->peer_identity;
  event = opened;
  return DecodeStatus::kOk;
}

DecodeStatus decode_closed(base::Bytes bytes, model::ControlEvent& event) {
  const auto record = fixed_part<socket_closed_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  if (record->connection == 0 || record->reason > SOCKET_CLOSE_TIMEOUT ||
      record->reset_reason >= RESET_REASON_COUNT) {
    return DecodeStatus::kField;
  }
  model::SocketClosed closed;
  closed.time_ns = record->header.time_ns;
  closed.connection = record->connection;
  closed.reason = static_cast<model::CloseReason>(record->reason);
  closed.reset_reason = static_cast<model::ResetReason>(record->reset_reason);
  closed.bytes_sent = record->bytes_sent;
  closed.bytes_received = record->bytes_received;
  closed.srtt_us = record->srtt_us;
  closed.retransmits = record->retransmits;
  event = closed;
  return DecodeStatus::kOk;
}

static_assert(static_cast<int>(model::CloseReason::kNormal) == SOCKET_CLOSE_NORMAL);
static_assert(static_cast<int>(model::CloseReason::kResetByPeer) == SOCKET_CLOSE_RESET_BY_PEER);
static_assert(static_cast<int>(model::CloseReason::kResetByUs) == SOCKET_CLOSE_RESET_BY_US);
static_assert(static_cast<int>(model::CloseReason::kTimeout) == SOCKET_CLOSE_TIMEOUT);
static_assert(static_cast<int>(model::ResetReason::kOther) == RESET_OTHER);
static_assert(static_cast<int>(model::ResetReason::kCount) == RESET_REASON_COUNT);

DecodeStatus decode_connect_failed(base::Bytes bytes, model::ControlEvent& event) {
  const auto record = fixed_part<connect_failed_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  model::ConnectFailed failed;
  constexpr uint32_t kMostErrno = 4095;  // MAX_ERRNO, include/linux/err.h
  if (!valid(record->process) || record->errno_value > kMostErrno ||
      !decode_endpoint(record->remote, failed.remote)) {
    return DecodeStatus::kField;
  }
  failed.time_ns = record->header.time_ns;
  failed.process = process_key(record->process);
  failed.errno_value = static_cast<int32_t>(record->errno_value);
  failed.latency_ns = record->latency_ns;
  event = failed;
  return DecodeStatus::kOk;
}

DecodeStatus decode_exec(base::Bytes bytes, model::ControlEvent& event) {
  const auto record = fixed_part<process_exec_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  if (!valid(record->process)) return DecodeStatus::kField;
  model::ProcessExec exec;
  exec.time_ns = record->header.time_ns;
  exec.process = process_key(record->process);
  exec.parent_pid = record->parent_pid;
  exec.cgroup_id = record->cgroup_id;
  exec.is_target = (record->flags & PROCESS_IS_TARGET) != 0;
  exec.comm.assign(record->comm, ::strnlen(record->comm, sizeof(record->comm)));
  event = std::move(exec);
  return DecodeStatus::kOk;
}

DecodeStatus decode_fork(base::Bytes bytes, model::ControlEvent& event) {
  const auto record = fixed_part<process_fork_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  if (!valid(record->process)) return DecodeStatus::kField;
  event = model::ProcessFork{record->header.time_ns, process_key(record->process),
                             record->parent_pid, (record->flags & PROCESS_IS_TARGET) != 0};
  return DecodeStatus::kOk;
}

DecodeStatus decode_exit(base::Bytes bytes, model::ControlEvent& event) {
  const auto record = fixed_part<process_exit_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  if (!valid(record->process)) return DecodeStatus::kField;
  event =
      model::ProcessExit{record->header.time_ns, process_key(record->process), record->exit_code};
  return DecodeStatus::kOk;
}

}  // namespace

DecodeStatus decode_data(base::Bytes bytes, model::SocketData& event) noexcept {
  const auto record = fixed_part<socket_data_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  if (record->header.type != RECORD_SOCKET_DATA) return DecodeStatus::kType;
  if (record->header.size != sizeof(*record) + record->payload_size)
    return DecodeStatus::kTruncated;
  if (record->connection == 0 || record->pid == 0 || record->payload_size > record->length ||
      (record->flags >> 3) != 0) {
    return DecodeStatus::kField;
  }
  event.time_ns = record->header.time_ns;
  event.connection = record->connection;
  event.pid = record->pid;
  event.tid = record->tid;
  event.direction = (record->flags & SOCKET_DATA_SEND) != 0 ? model::Direction::kSend
                                                            : model::Direction::kReceive;
  event.end_of_stream = (record->flags & SOCKET_DATA_END_OF_STREAM) != 0;
  event.length_only = (record->flags & SOCKET_DATA_LENGTH_ONLY) != 0;
  event.position = record->position;
  event.length = record->length;
  event.payload = bytes.subspan(sizeof(*record), record->payload_size);
  event.srtt_us = record->srtt_us;
  event.retransmits = record->retransmits;
  return DecodeStatus::kOk;
}

DecodeStatus decode_control(base::Bytes bytes, model::ControlEvent& event) noexcept {
  record_header header;
  if (bytes.size() < sizeof(header)) return DecodeStatus::kTruncated;
  std::memcpy(&header, bytes.data(), sizeof(header));
  switch (header.type) {
    case RECORD_SOCKET_OPENED:
      return decode_opened(bytes, event);
    case RECORD_SOCKET_CLOSED:
      return decode_closed(bytes, event);
    case RECORD_CONNECT_FAILED:
      return decode_connect_failed(bytes, event);
    case RECORD_PROCESS_EXEC:
      return decode_exec(bytes, event);
    case RECORD_PROCESS_FORK:
      return decode_fork(bytes, event);
    case RECORD_PROCESS_EXIT:
      return decode_exit(bytes, event);
    default:
      return DecodeStatus::kType;
  }
}

}  // namespace hostlens::decoders
