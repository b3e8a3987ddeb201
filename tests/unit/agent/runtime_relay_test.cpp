// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime_relay.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>

#include "base/clock.h"
#include "discovery/cri_conversation.h"

namespace hostlens::agent {
namespace {

using base::UniqueFd;

class RuntimeRelayTest : public ::testing::Test {
 protected:
  RuntimeRelayTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "relay.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 4), 0);
  }
  ~RuntimeRelayTest() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::string path() const { return directory_ + "/docker.sock"; }

  /// What comes until the other side ends, or until that much came.
  static std::string read(const UniqueFd& from, size_t most = SIZE_MAX) {
    std::string bytes;
    char block[4096];
    while (bytes.size() < most) {
      pollfd ready{from.get(), POLLIN, 0};
      if (::poll(&ready, 1, 10'000) <= 0) break;
      const ssize_t got = ::recv(from.get(), block, sizeof block, 0);
      if (got <= 0) break;
      bytes.append(block, static_cast<size_t>(got));
    }
    return bytes;
  }

  std::string directory_;
  UniqueFd listener_;
};

constexpr std::string_view kQuestion = "GET /containers/json HTTP/1.0\r\nHost: localhost\r\n\r\n";

TEST_F(RuntimeRelayTest, PassesTheAnswerAndNothingThatTheWorkerWrites) {
  RuntimeRelay relay({path(), RuntimeApi::kDocker});
  auto stream = relay.ask();
  ASSERT_TRUE(stream) << stream.error().text();
  UniqueFd runtime(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const std::string evil = "POST /containers/create HTTP/1.1\r\n\r\n";
  EXPECT_GT(::send(stream->get(), evil.data(), evil.size(), MSG_NOSIGNAL), 0);
  EXPECT_EQ(read(runtime, kQuestion.size()), kQuestion);
  EXPECT_EQ(::send(runtime.get(), "answer", 6, MSG_NOSIGNAL), 6);
  EXPECT_EQ(read(*stream, 6), "answer");
  // All that the runtime ever gets is the question.
  ::shutdown(runtime.get(), SHUT_WR);
  EXPECT_EQ(read(*stream), "");
  EXPECT_EQ(read(runtime), "");
}

TEST_F(RuntimeRelayTest, OfCriItAsksTheOneQuestionThatIsKnown) {
  RuntimeRelay relay({path(), RuntimeApi::kCri});
  auto stream = relay.ask();
  ASSERT_TRUE(stream) << stream.error().text();
  UniqueFd runtime(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const std::string question = *discovery::cri_question();
  EXPECT_EQ(read(runtime, question.size()), question);
  const std::string evil = question;  // such as a call that was changed
  EXPECT_GT(::send(stream->get(), evil.data(), evil.size(), MSG_NOSIGNAL), 0);
  EXPECT_EQ(::send(runtime.get(), "answer", 6, MSG_NOSIGNAL), 6);
  EXPECT_EQ(read(*stream, 6), "answer");
  // The runtime keeps the connection open; the worker has what it wants.
  stream->reset();
  EXPECT_EQ(read(runtime), "");
}

TEST_F(RuntimeRelayTest, AWorkerThatHasItsAnswerMayAskAgain) {
  RuntimeRelay relay({path(), RuntimeApi::kCri});
  ASSERT_TRUE(relay.ask());
  UniqueFd runtime(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const uint64_t deadline_ns = base::monotonic_now_ns() + RuntimeRelay::kPatienceNs / 2;
  auto again = relay.ask();
  while (!again && base::monotonic_now_ns() < deadline_ns) {
    EXPECT_EQ(again.error().kind, base::Error::Kind::kBusy);
    std::this_thread::yield();
    again = relay.ask();
  }
  EXPECT_TRUE(again);
}

TEST_F(RuntimeRelayTest, OneQuestionAtATime) {
  RuntimeRelay relay({path(), RuntimeApi::kDocker});
  auto first = relay.ask();
  ASSERT_TRUE(first);
  const auto second = relay.ask();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, base::Error::Kind::kBusy);
}

TEST_F(RuntimeRelayTest, ARuntimeThatIsNotThereIsNotFound) {
  EXPECT_EQ(RuntimeRelay({"/no/such/socket"}).ask().error().kind, base::Error::Kind::kNotFound);
  EXPECT_EQ(RuntimeRelay({std::string(200, 'x')}).ask().error().kind, base::Error::Kind::kInvalid);
  listener_.reset();  // the file is left behind
  RuntimeRelay left({path()});
  EXPECT_EQ(left.ask().error().kind, base::Error::Kind::kNotFound);
}

TEST_F(RuntimeRelayTest, AnAnswerWithoutEndIsCut) {
  RuntimeRelay relay({path(), RuntimeApi::kDocker});
  auto stream = relay.ask();
  ASSERT_TRUE(stream);
  UniqueFd runtime(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::thread writer([&] {
    const std::string block(1U << 16U, ' ');
    while (::send(runtime.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  const size_t got = read(*stream).size();
  writer.join();
  EXPECT_GE(got, RuntimeRelay::kMaxBytes);
  EXPECT_LT(got, RuntimeRelay::kMaxBytes + (1U << 16U));
}

TEST_F(RuntimeRelayTest, ItsEndWaitsForNoRuntime) {
  auto relay = std::make_unique<RuntimeRelay>(RuntimeSocket{path()});
  auto stream = relay->ask();
  ASSERT_TRUE(stream);
  relay.reset();  // the runtime never answered
  EXPECT_EQ(read(*stream), "");
}

}  // namespace
}  // namespace hostlens::agent
