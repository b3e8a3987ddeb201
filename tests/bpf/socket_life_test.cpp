// SPDX-License-Identifier: Apache-2.0
// Opening and closing of connections, and the books of the probe.
#include <fcntl.h>
#include <poll.h>

#include <array>

#include "bpf/loopback.h"
#include "bpf/observed.h"

namespace hostlens::testing {
namespace {

using model::SocketClosed;
using model::SocketOpened;

class SocketLifeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    probes::SocketProbeSettings settings;
    settings.report_all_processes = false;
    auto opened = Observed::open(settings);
    if (opened) {
      probe() = *std::move(opened);
    } else {
      why_not() = opened.error().text();
    }
  }
  static void TearDownTestSuite() { probe().reset(); }

  void SetUp() override {
    if (!probe()) GTEST_SKIP() << why_not();
    watch(true);
    probe()->clear();
  }
  void TearDown() override {
    if (probe()) watch(false);
  }

  static void watch(bool on) {
    ASSERT_TRUE(probe()->probe().targets().set_process(static_cast<uint32_t>(::getpid()), on));
  }
  static std::unique_ptr<Observed>& probe() {
    static std::unique_ptr<Observed> loaded;
    return loaded;
  }
  static std::string& why_not() {
    static std::string text;
    return text;
  }
};

void talk(const SocketPair& pair) {
  std::array<char, 8> buffer{};
  ASSERT_EQ(::write(pair.client.get(), "ask", 3), 3);
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 3);
  ASSERT_EQ(::write(pair.server.get(), "reply", 5), 5);
  ASSERT_EQ(::read(pair.client.get(), buffer.data(), buffer.size()), 5);
}

TEST_F(SocketLifeTest, AnnouncesBothEndsWithRolesAndAddresses) {
  const SocketPair pair = tcp_pair();
  talk(pair);
  const auto opened = probe()->events<SocketOpened>();
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_EQ(opened[0].role, model::SocketRole::kClient);
  EXPECT_EQ(opened[1].role, model::SocketRole::kServer);
  EXPECT_EQ(opened[0].local, opened[1].remote);
  EXPECT_EQ(opened[0].remote, opened[1].local);
  EXPECT_EQ(opened[0].remote.ip_text(), "127.0.0.1");
  EXPECT_EQ(opened[0].process.pid, static_cast<uint32_t>(::getpid()));
  EXPECT_FALSE(opened[0].mid_life);
  EXPECT_FALSE(opened[1].mid_life);
  EXPECT_GT(opened[0].connect_latency_ns, 0U);
  EXPECT_LT(opened[0].connect_latency_ns, 1'000'000'000U);
  EXPECT_EQ(opened[1].connect_latency_ns, 0U);
}

TEST_F(SocketLifeTest, AnnouncesThePositionsOfTheFirstBytes) {
  const SocketPair pair = tcp_pair();
  talk(pair);
  int compared = 0;
  for (const SocketOpened& open : probe()->events<SocketOpened>()) {
    EXPECT_TRUE(open.positions_known);
    for (const Call& call : probe()->calls()) {
      if (call.event.connection != open.connection) continue;
      ++compared;
      const bool sent = call.event.direction == model::Direction::kSend;
      EXPECT_EQ(call.event.position, sent ? open.send_position : open.receive_position);
    }
  }
  EXPECT_EQ(compared, 4);
}

TEST_F(SocketLifeTest, KnowsNoPositionsOfUnixStreamsOfOlderProcesses) {
  const SocketPair pair = unix_pair();
  talk(pair);
  for (const SocketOpened& open : probe()->events<SocketOpened>()) {
    EXPECT_TRUE(open.mid_life) << "this process is older than the probe, and so may its sockets be";
    EXPECT_FALSE(open.positions_known);
  }
}

TEST_F(SocketLifeTest, TellsConnectionsThatWereThereBefore) {
  watch(false);
  const SocketPair pair = tcp_pair();
  talk(pair);
  watch(true);
  talk(pair);
  const auto opened = probe()->events<SocketOpened>();
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_TRUE(opened[0].mid_life);
  EXPECT_TRUE(opened[1].mid_life);
}

TEST_F(SocketLifeTest, ReportsTheBytesOfAWholeLifeAtTheClose) {
  SocketPair pair = tcp_pair();
  talk(pair);
  const auto opened = probe()->events<SocketOpened>();
  ASSERT_EQ(opened.size(), 2U);
  pair.client.reset();
  std::array<char, 8> buffer{};
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 0);
  pair.server.reset();
  const auto closed = probe()->events<SocketClosed>();
  ASSERT_EQ(closed.size(), 2U);
  for (const SocketClosed& close : closed) {
    EXPECT_EQ(close.reason, model::CloseReason::kNormal);
    const bool client = close.connection == opened[0].connection;
    EXPECT_EQ(close.bytes_sent, client ? 3U : 5U);
    EXPECT_EQ(close.bytes_received, client ? 5U : 3U);
  }
}

/// The client's close resets; the server reads that, and closes. Both ends' records.
template <typename Probe>
std::vector<SocketClosed> close_by_reset(SocketPair& pair, Probe* probe) {
  pair.client.reset();
  std::array<char, 8> buffer{};
  EXPECT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), -1);
  pair.server.reset();
  return probe->template events<SocketClosed>();
}

TEST_F(SocketLifeTest, TellsWhoReset) {
  SocketPair pair = tcp_pair();
  talk(pair);
  const auto opened = probe()->events<SocketOpened>();
  ASSERT_EQ(opened.size(), 2U);
  const linger now{1, 0};
  ASSERT_EQ(::setsockopt(pair.client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
  const auto closed = close_by_reset(pair, &*probe());
  ASSERT_EQ(closed.size(), 2U);
  for (const SocketClosed& close : closed) {
    const bool client = close.connection == opened[0].connection;
    EXPECT_EQ(close.reason,
              client ? model::CloseReason::kResetByUs : model::CloseReason::kResetByPeer);
    EXPECT_EQ(close.reset_reason,
              client ? model::ResetReason::kAborted : model::ResetReason::kWhileEstablished);
  }
}

TEST_F(SocketLifeTest, TellsThatAResetIsForUnreadData) {
  SocketPair pair = tcp_pair();
  talk(pair);
  const auto opened = probe()->events<SocketOpened>();
  ASSERT_EQ(opened.size(), 2U);
  ASSERT_EQ(::write(pair.server.get(), "unread", 6), 6);
  ASSERT_EQ(::shutdown(pair.server.get(), SHUT_WR), 0);
  pollfd both{pair.client.get(), POLLRDHUP, 0};
  ASSERT_EQ(::poll(&both, 1, 1000), 1);
  const auto closed = close_by_reset(pair, &*probe());
  ASSERT_EQ(closed.size(), 2U);
  for (const SocketClosed& close : closed) {
    const bool client = close.connection == opened[0].connection;
    EXPECT_EQ(close.reset_reason,
              client ? model::ResetReason::kUnreadData : model::ResetReason::kWhileClosing);
  }
}

TEST_F(SocketLifeTest, AnOrderlyCloseHasNoReset) {
  SocketPair pair = tcp_pair();
  talk(pair);
  pair.client.reset();
  pair.server.reset();
  const auto closed = probe()->events<SocketClosed>();
  ASSERT_EQ(closed.size(), 2U);
  for (const SocketClosed& close : closed) {
    EXPECT_EQ(close.reset_reason, model::ResetReason::kNone);
  }
}

TEST_F(SocketLifeTest, ReportsRefusedConnections) {
  sockaddr_storage address{};
  socklen_t length = 0;
  listen_on_loopback(AF_INET, address, length).reset();  // nobody listens there any more
  const base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length), -1);
  const auto failed = probe()->events<model::ConnectFailed>();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].errno_value, ECONNREFUSED);
  EXPECT_EQ(failed[0].remote.port, ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port));
  EXPECT_EQ(failed[0].process.pid, static_cast<uint32_t>(::getpid()));
  EXPECT_TRUE(probe()->events<SocketOpened>().empty());
}

TEST_F(SocketLifeTest, JoinsTheEndsOfUnixStreamsByIdentity) {
  const SocketPair pair = unix_pair();
  talk(pair);
  const auto opened = probe()->events<SocketOpened>();
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_EQ(opened[0].local.family, model::AddressFamily::kUnix);
  EXPECT_NE(opened[0].socket_identity, 0U);
  EXPECT_EQ(opened[0].socket_identity, opened[1].peer_identity);
  EXPECT_EQ(opened[1].socket_identity, opened[0].peer_identity);
}

TEST_F(SocketLifeTest, GivesASecondConnectionOfOneSocketANewIdentity) {
  sockaddr_storage address{};
  socklen_t length = 0;
  const base::UniqueFd listener = listen_on_loopback(AF_INET, address, length);
  const base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    sockaddr none{};
    none.sa_family = AF_UNSPEC;
    ASSERT_EQ(::connect(socket.get(), &none, sizeof(none)), 0);
  }
  const auto opened = probe()->events<SocketOpened>();
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_NE(opened[0].connection, opened[1].connection);
}

TEST(SocketBooksTest, EveryWantedRecordIsReadOrCountedAsLost) {
  probes::SocketProbeSettings settings;
  settings.data_ring_bytes = 4096;
  settings.report_all_processes = false;
  auto opened = Observed::open(settings);
  if (!opened) GTEST_SKIP() << opened.error().text();
  Observed& seen = **opened;
  const auto self = static_cast<uint32_t>(::getpid());
  ASSERT_TRUE(seen.probe().targets().set_process(self, true));
  const SocketPair pair = unix_pair();
  std::array<char, 300> buffer{};
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(::write(pair.client.get(), buffer.data(), buffer.size()), 300);
    ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 300);
  }
  ASSERT_TRUE(seen.probe().targets().set_process(self, false));
  const probes::SocketCounters counters = seen.counters();
  EXPECT_EQ(counters.wanted, 200U);
  EXPECT_GT(counters.ring_full, 0U);
  EXPECT_EQ(seen.calls().size() + counters.ring_full, counters.wanted);
  EXPECT_EQ(seen.probe().recursion_misses(), 0U);
}

TEST(SocketBooksTest, CountersCannotBeWrittenThroughTheirDescriptor) {
  probes::SocketProbeSettings settings;
  settings.report_all_processes = false;
  auto opened = Observed::open(settings);
  if (!opened) GTEST_SKIP() << opened.error().text();
  EXPECT_EQ(::fcntl((*opened)->probe().counters_fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  auto reader =
      probes::SocketCounterReader::open(base::UniqueFd(::dup((*opened)->probe().data_ring_fd())));
  EXPECT_FALSE(reader) << "a ring is no table of counters";
}

}  // namespace
}  // namespace hostlens::testing
