// SPDX-License-Identifier: Apache-2.0
// Accept queues and the wait for accept(2): caused here, compared with ss(8) and the kernel's own
// counters of a network namespace that only this test uses.
#include <algorithm>
#include <cstdio>

#include "bpf/network_signals.h"

namespace hostlens::testing {
namespace {

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
