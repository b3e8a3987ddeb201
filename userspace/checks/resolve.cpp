// SPDX-License-Identifier: Apache-2.0
#include "checks/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace hostlens::checks {
namespace {

using base::UniqueFd;
using model::CheckResult;

constexpr size_t kMostAddresses = 16;

std::string gai_name(int error) {
  switch (error) {
    case EAI_NONAME:
      return "EAI_NONAME";
    case EAI_NODATA:
      return "EAI_NODATA";
    case EAI_AGAIN:
      return "EAI_AGAIN";
    case EAI_FAIL:
      return "EAI_FAIL";
    default:
      return "EAI_OTHER";
  }
}

/// 0 or the errno of the connect.
int connect_one(const Address& address, const Deadline& deadline, UniqueFd& out) {
  UniqueFd fd(::socket(address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno;
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.storage);
  if (::connect(fd.get(), raw, address.size) != 0) {
    if (errno != EINPROGRESS) return errno;
    if (!wait_for(fd.get(), POLLOUT, deadline)) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    if (error != 0) return error;
  }
  out = std::move(fd);
  return 0;
}

}  // namespace

std::string Address::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  const void* ip =
      family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr)
          : &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
  return ::inet_ntop(family, ip, text, sizeof text) != nullptr ? text : "";
}

std::variant<std::vector<Address>, CheckResult> resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) {
    return failed(gai_name(error),
                  "the name " + host + " does not resolve: " +
                      (error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  std::vector<Address> out;
  for (const addrinfo* item = list; item != nullptr && out.size() < kMostAddresses;
       item = item->ai_next) {
    if (item->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Address address;
    std::memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
    address.size = item->ai_addrlen;
    address.family = item->ai_family;
    out.push_back(address);
  }
  return out;
}

std::variant<UniqueFd, CheckResult> connect_to(const std::string& host, uint16_t port,
                                               const Deadline& deadline) {
  auto addresses = resolve(host, port);
  if (auto* problem = std::get_if<CheckResult>(&addresses)) return std::move(*problem);
  const std::string place = host + ":" + std::to_string(port);
  int error = ENOENT;
  for (const Address& address : std::get<0>(addresses)) {
    UniqueFd fd;
    error = connect_one(address, deadline, fd);
    if (error == 0) return fd;
    if (deadline.left_ns() == 0) return failed("timeout", place + " did not answer in time");
  }
  return failed_with_errno("connect to " + place, error);
}

bool wait_for(int fd, short events, const Deadline& deadline) {
  for (;;) {
    const int left_ms = deadline.left_ms();
    if (left_ms == 0) return false;
    pollfd fds[2] = {{fd, events, 0}, {deadline.cancel_fd(), POLLIN, 0}};
    const int ready = ::poll(fds, 2, left_ms);
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    if (fds[1].revents != 0) return false;
    if (fds[0].revents != 0) return true;
  }
}

}  // namespace hostlens::checks
