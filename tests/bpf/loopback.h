// SPDX-License-Identifier: Apache-2.0
// Pairs of connected sockets in this process, on loopback and free ports.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/unique_fd.h"

namespace hostlens::testing {

struct SocketPair {
  base::UniqueFd client;
  base::UniqueFd server;
};

/// A listener on loopback; the kernel chooses the port.
inline base::UniqueFd listen_on_loopback(int family, sockaddr_storage& address, socklen_t& length) {
  base::UniqueFd listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::memset(&address, 0, sizeof(address));
  address.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    length = sizeof(sockaddr_in);
  } else {
    reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
    length = sizeof(sockaddr_in6);
  }
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), generic, length) != 0 || ::listen(listener.get(), 8) != 0 ||
      ::getsockname(listener.get(), generic, &length) != 0) {
    return base::UniqueFd();
  }
  return listener;
}

inline SocketPair tcp_pair(int family = AF_INET) {
  sockaddr_storage address{};
  socklen_t length = 0;
  const base::UniqueFd listener = listen_on_loopback(family, address, length);
  SocketPair pair;
  pair.client.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(pair.client.get(), reinterpret_cast<sockaddr*>(&address), length), 0)
      << std::strerror(errno);
  pair.server.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(pair.server);
  return pair;
}

inline SocketPair unix_pair() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

}  // namespace hostlens::testing
