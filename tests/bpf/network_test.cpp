// SPDX-License-Identifier: Apache-2.0
// Accept queues, dropped packets, segments sent again, datagrams: caused here, compared with the
// kernel's own counters of a network namespace that only this test uses.
#include <array>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>

#include "bpf/kernel_signals.h"
#include "bpf/loopback.h"
#include "bpf/own_network.h"
#include "probes/listener_reader.h"

namespace hostlens::testing {
namespace {

using base::UniqueFd;

class NetworkTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    sockaddr_storage address{};
    socklen_t length = 0;
    earlier_ = listen_on_loopback(AF_INET, address, length);
    ::listen(earlier_.get(), 77);
    earlier_port_ = ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);
    signals_ = KernelSignals::open(why_not_);
  }
  static void TearDownTestSuite() { signals_.reset(); }
  void SetUp() override {
    if (!signals_) GTEST_SKIP() << why_not_;
    if (!network_.usable()) GTEST_SKIP() << "no network namespace of its own: " << strerror(errno);
    ASSERT_GE(signals_->probes().listeners_fd(), 0) << reasons();
    network_.enter();
    (void)listeners();
    signals_->socket().clear();
    signals_->read();
  }
  void TearDown() override {
    if (signals_ && network_.usable()) network_.leave();
  }

  static std::string reasons() {
    std::string text;
    for (const auto& hook : signals_->report().hooks) text += hook.hook + ": " + hook.reason + "\n";
    return text;
  }
  static std::vector<model::ListenerState> listeners() {
    const probes::ListenerReader reader(UniqueFd(::dup(signals_->probes().listeners_fd())));
    auto states = reader.read();
    EXPECT_TRUE(states) << states.error().text();
    return states ? *std::move(states) : std::vector<model::ListenerState>{};
  }
  static const model::ListenerState* on_port(const std::vector<model::ListenerState>& states,
                                             uint16_t port) {
    for (const auto& state : states) {
      if (state.port == port && state.network_namespace == own_namespace()) return &state;
    }
    return nullptr;
  }
  /// Of the kernel, in this thread's namespace.
  uint64_t counter(const std::string& name) const { return network_.counter(name); }
  static uint32_t own_namespace() {
    std::array<char, 64> text{};
    (void)!::readlink("/proc/thread-self/ns/net", text.data(), text.size() - 1);
    return static_cast<uint32_t>(std::strtoul(text.data() + std::strlen("net:["), nullptr, 10));
  }
  static uint64_t count(kernel_signal signal, uint32_t detail) {
    uint64_t sum = 0;
    for (const Counted& counted : signals_->all()) {
      if (counted.key.signal == signal && counted.key.detail == detail) sum += counted.count;
    }
    return sum;
  }
  static uint32_t drop_reason(const std::string& name) {
    for (const auto& [value, text] : signals_->report().packet_drop_reasons) {
      if (text == name) return value;
    }
    ADD_FAILURE() << "this kernel has no reason " << name;
    return 0;
  }

  OwnNetwork network_;
  static inline std::unique_ptr<KernelSignals> signals_;
  static inline std::string why_not_;
  static inline UniqueFd earlier_;  ///< of another network namespace
  static inline uint16_t earlier_port_ = 0;
};

uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  return ntohs(address.sin_port);
}

UniqueFd listener_with(int backlog, sockaddr_in& address) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener.get(), generic, sizeof(address)), 0);
  EXPECT_EQ(::listen(listener.get(), backlog), 0);
  address.sin_port = htons(port_of(listener.get()));
  return listener;
}

UniqueFd begin_connect(const sockaddr_in& address) {
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int error =
      ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  EXPECT_TRUE(error == 0 || errno == EINPROGRESS) << std::strerror(errno);
  return client;
}

/// Recv-Q and Send-Q of a listener, by ss(8).
std::pair<uint32_t, uint32_t> queue_by_ss(uint16_t port) {
  std::pair<uint32_t, uint32_t> queue{~0U, ~0U};
  const std::string command = "ss -Hlnt sport = :" + std::to_string(port);
  FILE* const output = ::popen(command.c_str(), "r");
  if (output == nullptr) return queue;
  if (std::fscanf(output, "LISTEN %u %u", &queue.first, &queue.second) != 2) queue.first = ~0U;
  ::pclose(output);
  return queue;
}

TEST_F(NetworkTest, AListenerThatNeverAcceptsShowsItsQueueAndCountsWhatItDrops) {
  constexpr uint32_t kBacklog = 4;
  constexpr uint32_t kBeyond = 7;
  sockaddr_in address{};
  UniqueFd listener = listener_with(kBacklog, address);
  const uint16_t port = ntohs(address.sin_port);
  std::vector<UniqueFd> clients;
  // One more than the backlog finds room: the kernel asks for more than it, not for as many.
  for (uint32_t i = 0; i < kBacklog + 1 + kBeyond; ++i) clients.push_back(begin_connect(address));
  const uint64_t before = counter("TcpExt.ListenDrops");
  const auto states = listeners();
  const uint64_t after = counter("TcpExt.ListenDrops");
  const auto* state = on_port(states, port);
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->backlog, kBacklog + 1);
  EXPECT_EQ(state->max, kBacklog);
  const auto by_ss = queue_by_ss(port);
  EXPECT_EQ(by_ss.first, state->backlog);
  // Without the kernel's module for it, ss knows no limit.
  EXPECT_TRUE(by_ss.second == state->max || by_ss.second == 0) << by_ss.second;
  // SYNs come again after a second, so there may be more than were begun when this is held up.
  EXPECT_GE(state->drops, kBeyond);
  EXPECT_GE(state->drops, before);
  EXPECT_LE(state->drops, after);
  // The SYNs that were dropped come again; the close counts what was not read yet.
  while (counter("TcpExt.ListenDrops") < after + kBeyond) {
  }
  clients.clear();
  listener.reset();
  signals_->read();
  EXPECT_EQ(count(SIGNAL_LISTEN_DROPS, port), counter("TcpExt.ListenDrops"));
  EXPECT_EQ(counter("TcpExt.ListenOverflows"), counter("TcpExt.ListenDrops"));
}

TEST_F(NetworkTest, ListenersThatWereThereBeforeAreKnown) {
  const auto states = listeners();
  const auto known = std::find_if(states.begin(), states.end(), [](const auto& state) {
    return state.port == earlier_port_ && state.max == 77;
  });
  EXPECT_NE(known, states.end());
}

TEST_F(NetworkTest, AListenerBelongsToItsTargetOrItsCgroup) {
  int ports[2];
  ASSERT_EQ(::pipe(ports), 0);
  int hold[2];
  ASSERT_EQ(::pipe(hold), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(hold[1]);
    sockaddr_in address{};
    const UniqueFd listener = listener_with(16, address);
    const uint16_t port = ntohs(address.sin_port);
    char end = 0;
    if (::write(ports[1], &port, sizeof(port)) == sizeof(port)) (void)!::read(hold[0], &end, 1);
    ::_exit(0);
  }
  uint16_t port = 0;
  ASSERT_EQ(::read(ports[0], &port, sizeof(port)), static_cast<ssize_t>(sizeof(port)));
  const auto owner = [&] {
    const auto states = listeners();
    const auto* state = on_port(states, port);
    return state == nullptr ? ~0ULL : state->owner;
  };
  const uint64_t cgroup = owner();
  EXPECT_LT(cgroup, SIGNAL_OWNER_KERNEL);
  EXPECT_NE(cgroup, SIGNAL_OWNER_HOST);
  ASSERT_TRUE(signals_->targets().set_process(static_cast<uint32_t>(child), true));
  EXPECT_EQ(owner() & ((1U << SIGNAL_OWNER_PID_BITS) - 1), static_cast<uint64_t>(child));
  EXPECT_NE(owner() & SIGNAL_OWNER_PROCESS, 0U);
  ::close(hold[0]);
  ::close(hold[1]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(owner(), ~0ULL) << "it is gone with its process";
}

TEST_F(NetworkTest, WhoHasNoPrivilegeReadsTheListeners) {
  sockaddr_in address{};
  const UniqueFd listener = listener_with(3, address);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const probes::ListenerReader reader(UniqueFd(::dup(signals_->probes().listeners_fd())));
    const auto states = reader.read();
    ::_exit(states && !states->empty() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

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

/// fexit alone sees accept(2).
TEST_F(NetworkTest, TheWaitForAcceptIsMeasuredWhereTheKernelAllowsIt) {
  const auto& hooks = signals_->report().hooks;
  const auto hook = std::find_if(hooks.begin(), hooks.end(), [](const kernel::HookReport& one) {
    return one.probe == "accept" && one.hook == "fexit/inet_csk_accept";
  });
  ASSERT_NE(hook, hooks.end());
  if (!hook->attached) GTEST_SKIP() << hook->hook << ": " << hook->reason;
  const uint32_t pid = signals_->run_target([] {
    sockaddr_in address{};
    const UniqueFd listener = listener_with(16, address);
    for (int i = 0; i < 10; ++i) {
      const UniqueFd client = begin_connect(address);
      ::usleep(5000);
      const UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
  });
  signals_->read();
  const auto waits = signals_->of(pid, SIGNAL_ACCEPT);
  ASSERT_EQ(waits.size(), 1U);
  EXPECT_EQ(waits.front().count, 10U);
  EXPECT_GE(waits.front().distribution.sum, 50'000'000U);
  EXPECT_LT(waits.front().distribution.sum, 500'000'000U) << "a machine that is held up";
}

}  // namespace
}  // namespace hostlens::testing
