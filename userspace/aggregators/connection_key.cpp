// SPDX-License-Identifier: Apache-2.0
#include "aggregators/connection_key.h"

#include <cerrno>
#include <cstring>

#include "aggregators/attribute_set.h"
#include "base/hash.h"

namespace hostlens::aggregators {
namespace {

using base::mix;
using model::AddressFamily;
using model::SocketRole;

std::string_view role_name(SocketRole role) {
  switch (role) {
    case SocketRole::kClient:
      return "client";
    case SocketRole::kServer:
      return "server";
    case SocketRole::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view reset_reason_name(model::ResetReason reason) {
  using enum model::ResetReason;
  switch (reason) {
    case kUnreadData:
      return "unread_data";
    case kAborted:
      return "aborted";
    case kDataAfterClose:
      return "data_after_close";
    case kLinger:
      return "linger";
    case kMemory:
      return "memory";
    case kKeepalive:
      return "keepalive";
    case kBadSegment:
      return "bad_segment";
    case kWhileEstablished:
      return "established";
    case kWhileHalfClosed:
      return "half_closed";
    case kWhileClosing:
      return "closing";
    case kNone:
    case kOther:
    case kCount:
      break;
  }
  return "other";
}

}  // namespace

uint64_t ConnectionKey::hash() const {
  uint64_t words[2];
  static_assert(sizeof(words) == sizeof(peer.ip));
  std::memcpy(words, peer.ip.data(), sizeof(words));
  uint64_t hash = mix(reinterpret_cast<uintptr_t>(service), words[0]);
  hash = mix(hash, words[1]);
  return mix(hash, (uint64_t{static_cast<uint32_t>(error)} << 32U) |
                       (uint64_t{static_cast<uint8_t>(reset)} << 24U) |
                       (uint64_t{static_cast<uint8_t>(role)} << 16U) | peer.port);
}

ConnectionKey connection_key(const model::Service& service, SocketRole role,
                             const model::SocketAddress& local,
                             const model::SocketAddress& remote) {
  ConnectionKey key;
  key.service = &service;
  key.role = role;
  // The remote end of an AF_UNIX connection may be nameless while ours says what it is.
  key.unix_socket = local.family == AddressFamily::kUnix || remote.family == AddressFamily::kUnix;
  if (key.unix_socket) return key;
  if (role == SocketRole::kClient) key.peer = remote;
  if (role == SocketRole::kServer) {
    if (is_private(remote)) key.peer = remote;
    key.peer.port = local.port;
  }
  return key;
}

ConnectionKey failure_key(const model::Service& service, const model::ConnectFailed& failure) {
  ConnectionKey key = connection_key(service, SocketRole::kClient, {}, failure.remote);
  key.failed = true;
  key.error = failure.errno_value;
  return key;
}

bool is_private(const model::SocketAddress& address) {
  const auto& ip = address.ip;
  if (address.is_loopback()) return true;
  if (address.family == AddressFamily::kIpv4) {
    return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xF0U) == 16) ||
           (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
           (ip[0] == 100 && (ip[1] & 0xC0U) == 64);
  }
  if (address.family != AddressFamily::kIpv6) return false;
  return (ip[0] & 0xFEU) == 0xFC || (ip[0] == 0xFE && (ip[1] & 0xC0U) == 0x80);
}

std::string_view errno_name(int32_t value) {
  switch (value) {
    case ECONNREFUSED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ECONNRESET:
    case ECONNABORTED:
    case EADDRNOTAVAIL:
    case EACCES:
    case EPERM:
    case ENOENT:
    case EAGAIN:
      return ::strerrorname_np(value);
    default:
      return "_OTHER";
  }
}

model::Attributes connection_attributes(const ConnectionKey& key) {
  model::Attributes attributes;
  put_text(attributes, "hostlens.connection.role", role_name(key.role));
  put_text(attributes, "network.transport", key.unix_socket ? "unix" : "tcp");
  const bool server = key.role == SocketRole::kServer;
  put_text(attributes, server ? "client.address" : "server.address", key.peer.ip_text());
  put_number(attributes, "server.port", key.peer.port);
  if (key.failed) put_text(attributes, "error.type", errno_name(key.error));
  if (key.reset != model::ResetReason::kNone) {
    put_text(attributes, "reason", reset_reason_name(key.reset));
    put_text(attributes, "side",
             key.reset >= model::ResetReason::kWhileEstablished ? "received" : "sent");
  }
  return attributes;
}

}  // namespace hostlens::aggregators
