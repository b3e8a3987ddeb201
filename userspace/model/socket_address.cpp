// SPDX-License-Identifier: Apache-2.0
#include "model/socket_address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace hostlens::model {

bool SocketAddress::is_loopback() const {
  if (family == AddressFamily::kIpv4) return ip[0] == 127;
  if (family != AddressFamily::kIpv6) return false;
  return std::all_of(ip.begin(), ip.end() - 1, [](uint8_t byte) { return byte == 0; }) &&
         ip.back() == 1;
}

std::string SocketAddress::ip_text() const {
  if (family != AddressFamily::kIpv4 && family != AddressFamily::kIpv6) return {};
  char buffer[INET6_ADDRSTRLEN] = {};
  const int af = family == AddressFamily::kIpv4 ? AF_INET : AF_INET6;
  if (::inet_ntop(af, ip.data(), buffer, sizeof(buffer)) == nullptr) return {};
  return buffer;
}

std::string SocketAddress::text() const {
  switch (family) {
    case AddressFamily::kIpv4:
      return ip_text() + ":" + std::to_string(port);
    case AddressFamily::kIpv6:
      return "[" + ip_text() + "]:" + std::to_string(port);
    case AddressFamily::kUnix:
      return "unix";
    case AddressFamily::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace hostlens::model
