// SPDX-License-Identifier: Apache-2.0
// Datagrams and packets that are dropped: caused here, compared with the kernel's own counters of a
// network namespace that only this test uses.
#include <array>
#include <map>

#include "bpf/network_signals.h"

namespace hostlens::testing {
namespace {

TEST_F(NetworkTest, ADatagramToAClosedPortIsADropForWantOfASocket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(9);
  const UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const uint64_t before = counter("Udp.NoPorts");
  for (int i = 0; i < 25; ++i) {
    ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&address),
                       sizeof(address)),
              1);
  }
  EXPECT_EQ(counter("Udp.NoPorts") - before, 25U);
  signals_->read();
  // The whole host is counted: somebody else may have sent to a closed port meanwhile.
  const uint64_t dropped = count(SIGNAL_PACKET_DROPS, drop_reason("NO_SOCKET"));
  EXPECT_GE(dropped, 25U);
  EXPECT_LE(dropped, 30U);
}

TEST_F(NetworkTest, AFullReceiveBufferIsADropOfItsOwnReason) {
  const UniqueFd receiver(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int small = 4096;
  ASSERT_EQ(::setsockopt(receiver.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  address.sin_port = htons(port_of(receiver.get()));
  const UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::string payload(1000, 'x');
  const uint64_t before = counter("Udp.RcvbufErrors");
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(::sendto(sender.get(), payload.data(), payload.size(), 0,
                       reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              1000);
  }
  const uint64_t errors = counter("Udp.RcvbufErrors") - before;
  EXPECT_GT(errors, 50U);
  signals_->read();
  const uint64_t dropped = count(SIGNAL_PACKET_DROPS, drop_reason("SOCKET_RCVBUFF"));
  EXPECT_GE(dropped, errors);
  EXPECT_LE(dropped, errors + 5);  // of the whole host
}

TEST_F(NetworkTest, DatagramsOfATargetAreCountedWithTheirSizes) {
  const uint32_t pid = signals_->run_target([] {
    const UniqueFd receiver(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    if (::bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      ::_exit(1);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port_of(receiver.get()));
    const UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ::connect(sender.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to));
    std::array<char, 4096> buffer{};
    for (int i = 0; i < 10; ++i) {
      (void)!::write(sender.get(), buffer.data(), 600);
      (void)!::recv(receiver.get(), buffer.data(), buffer.size(), MSG_PEEK);
      (void)!::recv(receiver.get(), buffer.data(), buffer.size(), 0);
      (void)!::recv(receiver.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    }
    std::array<iovec, 4> pieces;
    std::array<mmsghdr, 4> many{};
    for (size_t i = 0; i < many.size(); ++i) {
      pieces[i] = {buffer.data(), 100};
      many[i].msg_hdr.msg_iov = &pieces[i];
      many[i].msg_hdr.msg_iovlen = 1;
    }
    (void)!::sendmmsg(sender.get(), many.data(), many.size(), 0);
    // A stream of another kind does not count.
    const SocketPair pair = unix_pair();
    (void)!::write(pair.client.get(), "x", 1);
  });
  signals_->read();
  std::map<uint16_t, Counted> by_direction;
  for (const Counted& counted : signals_->of(pid, SIGNAL_UDP_SIZE)) {
    by_direction[counted.key.label] = counted;
  }
  ASSERT_EQ(by_direction.size(), 2U);
  EXPECT_EQ(by_direction[UDP_TRANSMIT].count, 14U);
  EXPECT_EQ(by_direction[UDP_TRANSMIT].distribution.sum, 6400U);
  EXPECT_EQ(by_direction[UDP_TRANSMIT].distribution.slots[10], 10U);  // (512, 1024]
  EXPECT_EQ(by_direction[UDP_TRANSMIT].distribution.slots[7], 4U);    // (64, 128]
  EXPECT_EQ(by_direction[UDP_RECEIVE].count, 10U);
  EXPECT_EQ(by_direction[UDP_RECEIVE].distribution.sum, 6000U);
}

}  // namespace
}  // namespace hostlens::testing
