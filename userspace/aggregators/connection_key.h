// SPDX-License-Identifier: Apache-2.0
// What of a connection decides on its series, and the attributes made of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/attribute.h"
#include "model/service.h"
#include "model/socket_address.h"
#include "model/socket_event.h"

namespace hostlens::aggregators {

/// `peer` never holds an ephemeral port:
///   client   the server's address and port;
///   server   our own port, and the client's address only when it is of this host or of a private
///            network: the clients of a public server are without number;
///   unknown  nothing: which of the ports is the service's cannot be told.
struct ConnectionKey {
  const model::Service* service = nullptr;
  model::SocketAddress peer;
  model::SocketRole role = model::SocketRole::kUnknown;
  bool unix_socket = false;
  bool failed = false;                                   ///< a connect that failed
  int32_t error = 0;                                     ///< its errno, 0 when the kernel kept none
  model::ResetReason reset = model::ResetReason::kNone;  ///< only of resets

  bool operator==(const ConnectionKey&) const = default;
  [[nodiscard]] uint64_t hash() const;
  [[nodiscard]] ConnectionKey owned(std::string&) const { return *this; }
};

[[nodiscard]] ConnectionKey connection_key(const model::Service& service, model::SocketRole role,
                                           const model::SocketAddress& local,
                                           const model::SocketAddress& remote);
[[nodiscard]] ConnectionKey failure_key(const model::Service& service,
                                        const model::ConnectFailed& failure);

/// Loopback, RFC 1918, shared (RFC 6598), link-local and unique local (RFC 4193) addresses.
[[nodiscard]] bool is_private(const model::SocketAddress& address);

/// error.type of a failed connect: the errno's name, "_OTHER" when it has none here.
[[nodiscard]] std::string_view errno_name(int32_t value);

/// With error.type when it failed, with side and reason when it was reset.
[[nodiscard]] model::Attributes connection_attributes(const ConnectionKey& key);

}  // namespace hostlens::aggregators
