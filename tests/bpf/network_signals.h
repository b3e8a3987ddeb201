// SPDX-License-Identifier: Apache-2.0
// What the tests of network signals share: the probes, and a network namespace of the test's own.
#pragma once

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bpf/kernel_signals.h"
#include "bpf/loopback.h"
#include "bpf/own_network.h"
#include "probes/listener_reader.h"

namespace hostlens::testing {

using base::UniqueFd;

/// Inside its namespace while a test runs; skipped with a reason where that is not permitted.
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

inline uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  return ntohs(address.sin_port);
}

inline UniqueFd listener_with(int backlog, sockaddr_in& address) {
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

inline UniqueFd begin_connect(const sockaddr_in& address) {
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int error =
      ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  EXPECT_TRUE(error == 0 || errno == EINPROGRESS) << std::strerror(errno);
  return client;
}

}  // namespace hostlens::testing
