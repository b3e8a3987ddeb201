// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace hostlens::model {

enum class AddressFamily : uint8_t { kUnknown, kIpv4, kIpv6, kUnix };

/// One end of a connection. IPv4 uses the first four bytes of `ip`; IPv4-mapped IPv6 addresses are
/// stored as IPv4. `port` is in host order. AF_UNIX has neither.
struct SocketAddress {
  AddressFamily family = AddressFamily::kUnknown;
  uint16_t port = 0;
  std::array<uint8_t, 16> ip{};

  auto operator<=>(const SocketAddress&) const = default;
  [[nodiscard]] bool is_loopback() const;
  /// "127.0.0.1", "::1", "" for AF_UNIX and unknown.
  [[nodiscard]] std::string ip_text() const;
  /// "127.0.0.1:80", "[::1]:80", "unix" for AF_UNIX.
  [[nodiscard]] std::string text() const;
};

}  // namespace hostlens::model
