// SPDX-License-Identifier: Apache-2.0
#include "agent/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace hostlens::agent {
namespace {

using base::errno_error;
using base::Error;
using base::invalid_error;
using base::Result;
using base::UniqueFd;

constexpr size_t kControlBytes = CMSG_SPACE(sizeof(int) * kFdSlots);

/// Owns every descriptor of the packet before anything of it is judged.
std::vector<UniqueFd> take_fds(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Result<std::pair<Channel, Channel>> Channel::pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errno_error("socketpair");
  }
  return std::pair{Channel(UniqueFd(ends[0])), Channel(UniqueFd(ends[1]))};
}

Result<void> Channel::send(const Message& message, std::span<const int> fds) const {
  if (fds.size() != fd_count(message) || fds.size() > kFdSlots) {
    return invalid_error("send: wrong number of descriptors");
  }
  MessageBytes bytes = encode(message);
  iovec vector{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(part), fds.data(), sizeof(int) * fds.size());
  }
  while (::sendmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    Error error = errno_error("send to the other process");
    if (errno == EPIPE || errno == ECONNRESET) error.kind = Error::Kind::kNotFound;
    return error;
  }
  return {};
}

Result<std::optional<Received>> Channel::receive(int timeout_ms) const {
  pollfd ready{fd_.get(), POLLIN, 0};
  int count = 0;
  do {
    count = ::poll(&ready, 1, timeout_ms);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return std::optional<Received>();

  std::array<std::byte, kMessageBytes + 1> bytes{};  // one more, so that a longer packet shows
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  iovec vector{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return std::optional<Received>();
    Error error = errno_error("receive from the other process");
    if (errno == ECONNRESET) error.kind = Error::Kind::kNotFound;
    return error;
  }
  std::vector<UniqueFd> fds = take_fds(header);
  if (size == 0) return Error{Error::Kind::kNotFound, 0, "the other process is gone", {}};
  auto message = decode(base::Bytes(bytes.data(), static_cast<size_t>(size)));
  if (!message || (header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0 ||
      fds.size() != fd_count(*message)) {
    return invalid_error("the other process sent no valid message");
  }
  return std::optional<Received>(Received{*message, std::move(fds)});
}

}  // namespace hostlens::agent
