// SPDX-License-Identifier: Apache-2.0
// Segments sent again, behind a relay that drops what it is told to: compared with the kernel's own
// counters of both network namespaces.
#include <atomic>
#include <thread>

#include "bpf/network_signals.h"

namespace hostlens::testing {
namespace {

/// A relay between two namespaces: the client's end is 10.99.0.1, the server's 10.99.0.2.
class RelayTest : public NetworkTest {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    if (IsSkipped()) return;
    if (!other_.usable()) GTEST_SKIP() << "no second network namespace";
    first_ = network_.tun("10.99.0.1");
    second_ = other_.tun("10.99.0.2");
    if (!first_ || !second_) GTEST_SKIP() << "no TUN device: " << std::strerror(errno);
    other_.enter();
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address_.sin_family = AF_INET;
    ASSERT_EQ(::inet_pton(AF_INET, "10.99.0.2", &address_.sin_addr), 1);
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
    ASSERT_EQ(::listen(listener_.get(), 16), 0);
    limit(listener_.get());  // and what is accepted
    address_.sin_port = htons(port_of(listener_.get()));
    network_.enter();
  }

  /// Nobody waits for ever.
  static void limit(int socket) {
    const timeval limit{20, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  }
  struct Sent {
    uint32_t retransmits = 0;  ///< as ss -ti shows it
    bool all_arrived = false;
  };
  /// Sends so much from a process of its own, and reads it here.
  Sent send_through(size_t bytes, bool target) {
    int result[2];
    EXPECT_EQ(::pipe(result), 0);
    const auto body = [&] {
      const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      limit(client.get());
      const std::string payload(bytes, 'x');
      tcp_info info{};
      socklen_t length = sizeof(info);
      char end = 0;
      if (::connect(client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(address_)) != 0 ||
          ::send(client.get(), payload.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
        ::_exit(1);
      }
      (void)!::read(client.get(), &end, 1);  // the other side has it all
      ::getsockopt(client.get(), IPPROTO_TCP, TCP_INFO, &info, &length);
      (void)!::write(result[1], &info.tcpi_total_retrans, sizeof(info.tcpi_total_retrans));
    };
    std::thread reader([&] {
      const UniqueFd server(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string buffer(65536, 0);
      size_t got = 0;
      while (got < bytes) {
        const ssize_t part = ::read(server.get(), buffer.data(), buffer.size());
        if (part <= 0) break;
        got += static_cast<size_t>(part);
      }
      EXPECT_EQ(got, bytes);
      (void)!::write(server.get(), "x", 1);
    });
    if (target) {
      signals_->run_target(body);
    } else {
      const pid_t child = ::fork();
      if (child == 0) {
        body();
        ::_exit(0);
      }
      EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    }
    reader.join();
    Sent sent;
    ::close(result[1]);
    sent.all_arrived = ::read(result[0], &sent.retransmits, sizeof(sent.retransmits)) ==
                       static_cast<ssize_t>(sizeof(sent.retransmits));
    ::close(result[0]);
    return sent;
  }
  static uint64_t of_cgroups(kernel_signal signal) {
    uint64_t sum = 0;
    for (const Counted& counted : signals_->all()) {
      if (counted.key.signal != signal) continue;
      EXPECT_EQ(counted.key.owner & SIGNAL_OWNER_PROCESS, 0U);
      sum += counted.count;
    }
    return sum;
  }

  OwnNetwork other_;
  UniqueFd first_;
  UniqueFd second_;
  UniqueFd listener_;
  sockaddr_in address_{};
};

TEST_F(RelayTest, SegmentsSentAgainBelongToTheCgroupOrToTheTargetsConnection) {
  std::atomic<uint32_t> lost = 0;
  std::atomic<uint32_t> seen = 0;
  const Relay relay(std::move(first_), std::move(second_), [&](const Relay::Segment& segment) {
    if (!segment.to_second || segment.payload == 0 || ++seen % 10 != 0) return false;
    ++lost;
    return true;
  });
  const auto both_kernels = [&] {
    return counter("Tcp.RetransSegs") + other_.counter("Tcp.RetransSegs");
  };
  const Sent plain = send_through(300'000, false);
  const uint64_t least = both_kernels();
  signals_->read();
  const uint64_t most = both_kernels();
  ASSERT_TRUE(plain.all_arrived);
  EXPECT_GT(lost.load(), 10U);
  // Every lost segment was sent again, some were without need, and the reader's side may send its
  // last byte twice.
  EXPECT_GE(plain.retransmits, lost.load());
  EXPECT_EQ(counter("Tcp.RetransSegs"), plain.retransmits);
  EXPECT_GE(of_cgroups(SIGNAL_TCP_RETRANSMITS), least);
  EXPECT_LE(of_cgroups(SIGNAL_TCP_RETRANSMITS), most);

  const uint64_t others = other_.counter("Tcp.RetransSegs");
  const Sent watched = send_through(300'000, true);
  signals_->read();
  ASSERT_TRUE(watched.all_arrived);
  EXPECT_GT(watched.retransmits, 10U);
  EXPECT_LE(of_cgroups(SIGNAL_TCP_RETRANSMITS), other_.counter("Tcp.RetransSegs") - others);
  const auto closed = signals_->socket().events<model::SocketClosed>();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed.front().retransmits, watched.retransmits);
}

TEST_F(RelayTest, SynAcksSentAgainBelongToTheListener) {
  std::atomic<uint32_t> lost = 0;
  const Relay relay(std::move(first_), std::move(second_), [&](const Relay::Segment& segment) {
    const bool loses = !segment.to_second && segment.tcp.syn != 0 && lost < 2;
    lost += loses ? 1 : 0;
    return loses;
  });
  ASSERT_TRUE(send_through(10, false).all_arrived);
  signals_->read();
  EXPECT_EQ(lost.load(), 2U);
  const uint64_t again = other_.counter("Tcp.RetransSegs");
  EXPECT_GE(again, 1U);  // the client's second SYN may be answered in its place
  EXPECT_EQ(count(SIGNAL_SYNACK_RETRANSMITS, ntohs(address_.sin_port)), again);
}

TEST_F(RelayTest, AConnectIntoNothingFailsWithItsTimeLimit) {
  const Relay relay(std::move(first_), std::move(second_),
                    [](const Relay::Segment&) { return true; });
  signals_->run_target([&] {
    std::ofstream("/proc/sys/net/ipv4/tcp_syn_retries") << 1;
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int limit_ms = 300;
    ::setsockopt(client.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms));
    ::connect(client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
    ::_exit(errno == ETIMEDOUT ? 0 : 1);
  });
  const auto failed = signals_->socket().events<model::ConnectFailed>();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed.front().errno_value, ETIMEDOUT);
  EXPECT_GE(failed.front().latency_ns, 900'000'000U) << "the first SYN is repeated after a second";
  EXPECT_TRUE(signals_->socket().events<model::SocketClosed>().empty());
}

}  // namespace
}  // namespace hostlens::testing
