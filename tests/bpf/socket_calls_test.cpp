// SPDX-License-Identifier: Apache-2.0
// Every system call that moves bytes of a stream socket, seen by every variant that this kernel
// lets attach.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include <array>
#include <map>

#include "bpf/loopback.h"
#include "bpf/observed.h"

namespace hostlens::testing {
namespace {

using model::Direction;
using probes::SocketVariant;

class SocketCallsTest : public ::testing::TestWithParam<SocketVariant> {
 protected:
  static void TearDownTestSuite() { probes().clear(); }

  void SetUp() override {
    auto& slot = probes()[GetParam()];
    if (!slot) {
      probes().clear();  // one at a time: two would both see the calls
      probes::SocketProbeSettings settings;
      settings.only = GetParam();
      settings.report_all_processes = false;
      auto opened = Observed::open(settings);
      if (!opened) GTEST_SKIP() << opened.error().text();
      probes()[GetParam()] = *std::move(opened);
    }
    seen_ = probes()[GetParam()].get();
    ASSERT_TRUE(seen_->probe().targets().set_process(static_cast<uint32_t>(::getpid()), true));
    seen_->clear();
  }
  void TearDown() override {
    if (seen_ == nullptr) return;
    (void)seen_->probe().targets().set_process(static_cast<uint32_t>(::getpid()), false);
  }

  /// The calls of one direction, as "length:payload" each.
  std::vector<std::string> seen(Direction direction) {
    std::vector<std::string> texts;
    for (const Call& call : seen_->calls(direction)) {
      std::string text = std::to_string(call.event.length) + ":" + call.payload;
      if (call.event.length_only) text += " length only";
      texts.push_back(text);
    }
    return texts;
  }
  [[nodiscard]] bool sys_exit() const { return GetParam() == SocketVariant::kSysExit; }

  Observed* seen_ = nullptr;

 private:
  static std::map<SocketVariant, std::unique_ptr<Observed>>& probes() {
    static std::map<SocketVariant, std::unique_ptr<Observed>> loaded;
    return loaded;
  }
};

using Texts = std::vector<std::string>;

TEST_P(SocketCallsTest, SeesReadAndWrite) {
  const SocketPair pair = tcp_pair();
  ASSERT_EQ(::write(pair.client.get(), "hello", 5), 5);
  std::array<char, 64> buffer{};
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 5);
  EXPECT_EQ(seen(Direction::kSend), Texts{"5:hello"});
  EXPECT_EQ(seen(Direction::kReceive), Texts{"5:hello"});
}

TEST_P(SocketCallsTest, SeesSendAndRecvOverIpv6) {
  const SocketPair pair = tcp_pair(AF_INET6);
  ASSERT_EQ(::send(pair.client.get(), "six", 3, 0), 3);
  std::array<char, 64> buffer{};
  ASSERT_EQ(::recv(pair.server.get(), buffer.data(), buffer.size(), 0), 3);
  EXPECT_EQ(seen(Direction::kSend), Texts{"3:six"});
  EXPECT_EQ(seen(Direction::kReceive), Texts{"3:six"});
  const auto opened = seen_->events<model::SocketOpened>();
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_EQ(opened[0].remote.ip_text(), "::1");
}

TEST_P(SocketCallsTest, JoinsThePiecesOfVectorCalls) {
  const SocketPair pair = unix_pair();
  char one[] = "he";
  char two[] = "llo ";
  char three[] = "world";
  const iovec out[] = {{one, 2}, {nullptr, 0}, {two, 4}, {three, 5}};
  ASSERT_EQ(::writev(pair.client.get(), out, 4), 11);
  std::array<char, 4> first{};
  std::array<char, 64> second{};
  const iovec in[] = {{first.data(), first.size()}, {second.data(), second.size()}};
  ASSERT_EQ(::readv(pair.server.get(), in, 2), 11);
  EXPECT_EQ(seen(Direction::kSend), Texts{"11:hello world"});
  EXPECT_EQ(seen(Direction::kReceive), Texts{"11:hello world"});
}

/// `length` bytes that tell their position.
std::string numbered(size_t length) {
  std::string text(length, ' ');
  for (size_t i = 0; i < length; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

TEST_P(SocketCallsTest, CopiesEveryLengthWhole) {
  const SocketPair pair = unix_pair();
  std::array<char, 8192> buffer{};
  for (const size_t length :
       {1, 127, 128, 129, 511, 512, 513, 1535, 1536, 1537, 4095, 4096, 4097}) {
    seen_->clear();
    const std::string text = numbered(length);
    const auto whole = static_cast<ssize_t>(length);
    ASSERT_EQ(::write(pair.client.get(), text.data(), length), whole);
    ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), whole);
    ASSERT_EQ(::write(pair.server.get(), "back", 4), 4);  // a new flight
    ASSERT_EQ(::read(pair.client.get(), buffer.data(), buffer.size()), 4);
    const std::string expected = std::to_string(length) + ":" + text.substr(0, 4096);
    EXPECT_EQ(seen(Direction::kSend), (Texts{expected, "4:back"}));
    EXPECT_EQ(seen(Direction::kReceive), (Texts{expected, "4:back"}));
  }
}

TEST_P(SocketCallsTest, JoinsPiecesOfAnySizeUpToTheLimit) {
  const SocketPair pair = unix_pair();
  std::array<char, 8192> buffer{};
  for (const size_t piece : {31, 128, 300, 1000, 1025, 3000}) {
    for (const size_t length : {128, 512, 1300, 4096, 6000}) {
      const size_t pieces = (length + piece - 1) / piece;
      if (pieces > 16) continue;
      seen_->clear();
      std::string text = numbered(length);
      std::vector<iovec> vectors(pieces);
      for (size_t i = 0; i < pieces; ++i) {
        vectors[i] = {text.data() + i * piece, std::min(piece, length - i * piece)};
      }
      ASSERT_EQ(::writev(pair.client.get(), vectors.data(), static_cast<int>(pieces)),
                static_cast<ssize_t>(length));
      ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()),
                static_cast<ssize_t>(length));
      ASSERT_EQ(::write(pair.server.get(), "back", 4), 4);  // a new flight
      ASSERT_EQ(::read(pair.client.get(), buffer.data(), buffer.size()), 4);
      EXPECT_EQ(seen(Direction::kSend),
                (Texts{std::to_string(length) + ":" + text.substr(0, 4096), "4:back"}))
          << pieces << " pieces";
    }
  }
}

TEST_P(SocketCallsTest, CountsWhatCannotBeCopiedAndGoesOn) {
  const SocketPair pair = tcp_pair();
  const uint64_t failed = seen_->counters().copy_failed;
  // What is received overwrites the array that says where it is.
  const iovec nowhere{reinterpret_cast<void*>(8), sizeof(iovec)};
  ASSERT_EQ(::write(pair.client.get(), &nowhere, sizeof(nowhere)), ssize_t{sizeof(nowhere)});
  iovec in{&in, sizeof(in)};
  ASSERT_EQ(::readv(pair.server.get(), &in, 1), ssize_t{sizeof(in)});
  EXPECT_EQ(seen_->counters().copy_failed, failed + 1);
  std::array<char, 64> buffer{};
  ASSERT_EQ(::write(pair.client.get(), "next", 4), 4);
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 4);
  EXPECT_EQ(seen(Direction::kReceive), Texts{"4:next"}) << "no record of the first";
}

TEST_P(SocketCallsTest, SeesMessagesWithControlHeaders) {
  const SocketPair pair = tcp_pair();
  char text[] = "message";
  iovec out{text, 7};
  msghdr header{};
  header.msg_iov = &out;
  header.msg_iovlen = 1;
  ASSERT_EQ(::sendmsg(pair.client.get(), &header, 0), 7);
  std::array<char, 64> buffer{};
  iovec in{buffer.data(), buffer.size()};
  header.msg_iov = &in;
  ASSERT_EQ(::recvmsg(pair.server.get(), &header, 0), 7);
  EXPECT_EQ(seen(Direction::kSend), Texts{"7:message"});
  EXPECT_EQ(seen(Direction::kReceive), Texts{"7:message"});
}

TEST_P(SocketCallsTest, SeesEachOfManyMessages) {
  const SocketPair pair = unix_pair();
  for (int round = 0; round < 2; ++round) {
    seen_->clear();
    std::array<std::string, 3> texts = {"one", "three", "eleven"};
    std::array<iovec, 3> vectors{};
    std::array<mmsghdr, 3> messages{};
    for (size_t i = 0; i < texts.size(); ++i) {
      vectors[i] = {texts[i].data(), texts[i].size()};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    ASSERT_EQ(::sendmmsg(pair.client.get(), messages.data(), 3, 0), 3);
    std::array<char, 64> buffer{};
    ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 14);
    if (sys_exit()) {
      EXPECT_EQ(seen(Direction::kSend), Texts{"14: length only"});
    } else {
      EXPECT_EQ(seen(Direction::kSend), (Texts{"3:one", "5:three", "6:eleven"})) << round;
    }
    EXPECT_EQ(seen(Direction::kReceive), Texts{"14:onethreeeleven"});
  }
}

TEST_P(SocketCallsTest, StartsManyMessagesAnewAfterAnError) {
  if (sys_exit()) GTEST_SKIP() << "sys_exit takes the lengths of such a call together";
  const SocketPair pair = unix_pair();
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(::write(pair.client.get(), "abc", 3), 3);
    seen_->clear();
    std::array<std::array<char, 8>, 3> buffers{};
    std::array<iovec, 3> vectors{};
    std::array<mmsghdr, 3> messages{};
    for (size_t i = 0; i < buffers.size(); ++i) {
      vectors[i] = {buffers[i].data(), buffers[i].size()};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    // Ends with EAGAIN after the first of three.
    ASSERT_EQ(::recvmmsg(pair.server.get(), messages.data(), 3, MSG_DONTWAIT, nullptr), 1);
    EXPECT_EQ(seen(Direction::kReceive), Texts{"3:abc"}) << round;
  }
}

TEST_P(SocketCallsTest, DoesNotCountPeekedBytesTwice) {
  const SocketPair pair = tcp_pair();
  ASSERT_EQ(::write(pair.client.get(), "peek", 4), 4);
  std::array<char, 64> buffer{};
  ASSERT_EQ(::recv(pair.server.get(), buffer.data(), buffer.size(), MSG_PEEK), 4);
  ASSERT_EQ(::recv(pair.server.get(), buffer.data(), 2, MSG_PEEK), 2);
  ASSERT_EQ(::recv(pair.server.get(), buffer.data(), buffer.size(), 0), 4);
  EXPECT_EQ(seen(Direction::kReceive), Texts{"4:peek"});
}

TEST_P(SocketCallsTest, CountsDiscardedBytesByLength) {
  const SocketPair pair = tcp_pair();
  ASSERT_EQ(::write(pair.client.get(), "away", 4), 4);
  ASSERT_EQ(::recv(pair.server.get(), nullptr, 4, MSG_TRUNC), 4);
  EXPECT_EQ(seen(Direction::kReceive), Texts{"4: length only"});
}

base::UniqueFd file_of(size_t bytes) {
  base::UniqueFd file(::memfd_create("body", MFD_CLOEXEC));
  const std::string text(bytes, 'x');
  EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(bytes));
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  return file;
}

TEST_P(SocketCallsTest, CountsSendfileByLength) {
  const SocketPair pair = tcp_pair();
  const base::UniqueFd file = file_of(3000);
  ASSERT_EQ(::sendfile(pair.client.get(), file.get(), nullptr, 3000), 3000);
  // Linux 6.3 and 6.4 show no sendfile: its bytes are found by the next call's position.
  ASSERT_EQ(::write(pair.client.get(), "end", 3), 3);
  uint64_t length_only = 0;
  for (const Call& call : seen_->calls(Direction::kSend)) {
    if (call.event.length_only) length_only += call.event.length;
  }
  EXPECT_EQ(length_only, 3000U);
  EXPECT_EQ(seen(Direction::kSend).back(), "3:end");
}

TEST_P(SocketCallsTest, CountsBytesSplicedOutByLength) {
  const SocketPair pair = tcp_pair();
  int pipes[2] = {-1, -1};
  ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
  const base::UniqueFd in(pipes[0]);
  const base::UniqueFd out(pipes[1]);
  std::array<char, 64> buffer{};
  ASSERT_EQ(::write(pair.client.get(), "a", 1), 1);
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), 1), 1);
  ASSERT_EQ(::write(pair.client.get(), "spliced", 7), 7);
  ASSERT_EQ(::splice(pair.server.get(), nullptr, out.get(), nullptr, 7, 0), 7);
  ASSERT_EQ(::write(pair.client.get(), "b", 1), 1);
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), 1), 1);
  EXPECT_EQ(seen(Direction::kReceive), (Texts{"1:a", "7: length only", "1:b"}));
}

TEST_P(SocketCallsTest, ReportsTheEndOfAStreamOnce) {
  SocketPair pair = tcp_pair();
  ASSERT_EQ(::write(pair.client.get(), "x", 1), 1);
  std::array<char, 8> buffer{};
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 1);
  pair.client.reset();
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 0);
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 0);
  int ends = 0;
  for (const Call& call : seen_->calls(Direction::kReceive)) ends += call.event.end_of_stream;
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(seen_->calls(Direction::kReceive).size(), 2U);
}

TEST_P(SocketCallsTest, DoesNotTakeTheEndOfAStreamForAByte) {
  for (const bool first_call : {true, false}) {
    SocketPair pair = tcp_pair();
    std::array<char, 8> buffer{};
    if (!first_call) {
      ASSERT_EQ(::write(pair.client.get(), "one", 3), 3);
      ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 3);
    }
    seen_->clear();
    ASSERT_EQ(::write(pair.client.get(), "last", 4), 4);
    ASSERT_EQ(::shutdown(pair.client.get(), SHUT_WR), 0);
    ASSERT_EQ(::recv(pair.server.get(), buffer.data(), 4, MSG_WAITALL), 4);
    ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 0);
    const auto sent = seen_->calls(Direction::kSend);
    const auto received = seen_->calls(Direction::kReceive);
    ASSERT_EQ(sent.size(), 1U);
    ASSERT_EQ(received.size(), 2U);
    EXPECT_EQ(received[0].event.position, sent[0].event.position);
    EXPECT_EQ(received[0].payload, "last");
    EXPECT_TRUE(received[1].event.end_of_stream);
    EXPECT_EQ(received[1].event.position, sent[0].event.position + 4);
  }
}

TEST_P(SocketCallsTest, GivesBothEndsTheSamePositions) {
  const SocketPair pair = tcp_pair();
  std::array<char, 64> buffer{};
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(::write(pair.client.get(), "ping", 4), 4);
    ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 4);
    ASSERT_EQ(::write(pair.server.get(), "pong!", 5), 5);
    ASSERT_EQ(::read(pair.client.get(), buffer.data(), buffer.size()), 5);
  }
  const auto sent = seen_->calls(Direction::kSend);
  const auto received = seen_->calls(Direction::kReceive);
  ASSERT_EQ(sent.size(), 10U);
  ASSERT_EQ(received.size(), 10U);
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_NE(sent[i].event.connection, received[i].event.connection);
    EXPECT_EQ(static_cast<uint32_t>(sent[i].event.position),
              static_cast<uint32_t>(received[i].event.position));
    if (i < 2) continue;
    EXPECT_EQ(sent[i].event.position, sent[i - 2].event.position + sent[i - 2].event.length);
  }
}

TEST_P(SocketCallsTest, CopiesTheHeadOfLongMessagesAndLessOfLongFlights) {
  const SocketPair pair = tcp_pair();
  const int size = 1 << 20;
  ASSERT_EQ(::setsockopt(pair.client.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
  ASSERT_EQ(::setsockopt(pair.server.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
  const std::string text = numbered(10000);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(::write(pair.client.get(), text.data(), 10000), 10000);
  const auto sent = seen_->calls(Direction::kSend);
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].payload, text.substr(0, 4096));
  EXPECT_EQ(sent[1].payload, text.substr(0, 4096));
  EXPECT_EQ(sent[2].payload, text.substr(0, 256)) << "after 16 KiB in one direction";
  EXPECT_EQ(sent[2].event.length, 10000U);
}

TEST_P(SocketCallsTest, SeesNothingOfOtherProcesses) {
  ASSERT_TRUE(seen_->probe().targets().set_process(static_cast<uint32_t>(::getpid()), false));
  const SocketPair pair = tcp_pair();
  ASSERT_EQ(::write(pair.client.get(), "hello", 5), 5);
  std::array<char, 8> buffer{};
  ASSERT_EQ(::read(pair.server.get(), buffer.data(), buffer.size()), 5);
  EXPECT_TRUE(seen_->calls().empty());
  EXPECT_TRUE(seen_->events<model::SocketOpened>().empty());
}

TEST_P(SocketCallsTest, LeavesFilesPipesAndDatagramsAlone) {
  int pipes[2] = {-1, -1};
  ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
  const base::UniqueFd in(pipes[0]);
  const base::UniqueFd out(pipes[1]);
  const base::UniqueFd file = file_of(10);
  int fds[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
  const base::UniqueFd left(fds[0]);
  const base::UniqueFd right(fds[1]);
  ASSERT_EQ(::write(out.get(), "x", 1), 1);
  ASSERT_EQ(::write(left.get(), "x", 1), 1);
  std::array<char, 8> buffer{};
  ASSERT_EQ(::read(in.get(), buffer.data(), 1), 1);
  ASSERT_EQ(::read(right.get(), buffer.data(), 1), 1);
  EXPECT_TRUE(seen_->calls().empty());
}

std::string variant_name(const ::testing::TestParamInfo<SocketVariant>& info) {
  return std::string(probes::to_string(info.param));
}
INSTANTIATE_TEST_SUITE_P(Variants, SocketCallsTest,
                         ::testing::Values(SocketVariant::kTracepoint, SocketVariant::kFexit,
                                           SocketVariant::kSysExit),
                         variant_name);

}  // namespace
}  // namespace hostlens::testing
