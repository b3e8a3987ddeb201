// SPDX-License-Identifier: Apache-2.0
#include "agent/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace hostlens::agent {
namespace {

using base::errno_error;
using base::Result;
using base::UniqueFd;

constexpr int kBacklog = 64;

socklen_t fill(const HostPort& address, sockaddr_storage& out) {
  if (auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
      ::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    return sizeof(sockaddr_in);
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(address.port);
  return ::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1 ? sizeof(sockaddr_in6)
                                                                          : 0;
}

}  // namespace

Result<UniqueFd> open_listen_socket(const HostPort& address) {
  const std::string what = "listen on " + address.text();
  sockaddr_storage storage{};
  const socklen_t size = fill(address, storage);
  if (size == 0) return base::invalid_error(what + ": not an IP address");
  UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno_error(what);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    base::Error error = errno_error(what);
    if (error.errno_value == EADDRINUSE) {
      error.remedy = "another program or another hostlens has this port; choose one by `listen`";
    }
    return error;
  }
  return fd;
}

Result<HostPort> bound_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return errno_error("getsockname");
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return HostPort{text.data(), ntohs(v4->sin_port)};
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  return HostPort{text.data(), ntohs(v6->sin6_port)};
}

Result<UniqueFd> open_output_file(const std::string& path) {
  UniqueFd fd(path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(),
                                   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return errno_error("write to " + path);
  return fd;
}

}  // namespace hostlens::agent
