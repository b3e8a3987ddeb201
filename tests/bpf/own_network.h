// SPDX-License-Identifier: Apache-2.0
// Network namespaces of the test's own, their counters, and a relay between two of them that drops
// what it is told to.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "base/unique_fd.h"

namespace hostlens::testing {

/// A network namespace with a loopback; empty descriptor: not permitted, see errno.
class OwnNetwork {
 public:
  OwnNetwork() : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (::unshare(CLONE_NEWNET) != 0) return;
    own_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    set_up("lo", {});
    leave();
  }
  [[nodiscard]] bool usable() const { return static_cast<bool>(own_); }

  /// What this thread opens from now on is of this namespace, until it leaves for the one that it
  /// was in when this was made.
  void enter() const { EXPECT_EQ(::setns(own_.get(), CLONE_NEWNET), 0); }
  void leave() const { EXPECT_EQ(::setns(before_.get(), CLONE_NEWNET), 0); }

  /// Of this namespace: "TcpExt.ListenDrops", "Udp.NoPorts".
  [[nodiscard]] uint64_t counter(const std::string& name) const {
    const Visit visit(*this);
    return read_counter(name);
  }

  /// A device whose packets are read from and written to the descriptor; empty: no TUN here.
  [[nodiscard]] base::UniqueFd tun(const char* address) const {
    const Visit visit(*this);
    base::UniqueFd device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    std::strcpy(request.ifr_name, "relay");
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (device && ::ioctl(device.get(), TUNSETIFF, &request) == 0) {
      set_up("relay", address);
    } else {
      device.reset();
    }
    return device;
  }

 private:
  class Visit {
   public:
    explicit Visit(const OwnNetwork& network)
        : now_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
      network.enter();
    }
    ~Visit() { EXPECT_EQ(::setns(now_.get(), CLONE_NEWNET), 0); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    base::UniqueFd now_;
  };
  static void set_up(const char* name, const std::string& address) {
    const base::UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, name);
    if (!address.empty()) {
      auto& own = reinterpret_cast<sockaddr_in&>(request.ifr_addr);
      own.sin_family = AF_INET;
      ::inet_pton(AF_INET, address.c_str(), &own.sin_addr);
      EXPECT_EQ(::ioctl(control.get(), SIOCSIFADDR, &request), 0);
      own.sin_addr.s_addr = htonl(0xFFFFFF00);
      EXPECT_EQ(::ioctl(control.get(), SIOCSIFNETMASK, &request), 0);
    }
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    EXPECT_EQ(::ioctl(control.get(), SIOCSIFFLAGS, &request), 0);
  }
  static uint64_t read_counter(const std::string& name) {
    for (const char* path : {"/proc/thread-self/net/netstat", "/proc/thread-self/net/snmp"}) {
      std::ifstream file(path);
      std::string names;
      std::string values;
      while (std::getline(file, names) && std::getline(file, values)) {
        std::istringstream all_names(names);
        std::istringstream all_values(values);
        std::string protocol;
        std::string field;
        int64_t value = 0;
        all_names >> protocol;
        all_values >> field;
        protocol.back() = '.';
        while (all_names >> field && all_values >> value) {
          if (protocol + field == name) return static_cast<uint64_t>(value);
        }
      }
    }
    ADD_FAILURE() << "the kernel has no counter " << name;
    return 0;
  }

  base::UniqueFd before_;
  base::UniqueFd own_;
};

/// Carries IPv4 packets between two devices in a thread of its own, until it is destroyed.
class Relay {
 public:
  struct Segment {
    bool to_second = false;
    tcphdr tcp{};
    size_t payload = 0;
  };
  /// True: it is lost. Called in the relay's thread.
  using Loses = std::function<bool(const Segment&)>;

  Relay(base::UniqueFd first, base::UniqueFd second, Loses loses)
      : ends_{std::move(first), std::move(second)},
        loses_(std::move(loses)),
        end_(::eventfd(0, EFD_CLOEXEC)),
        thread_([this] { run(); }) {}
  ~Relay() {
    const uint64_t one = 1;
    EXPECT_EQ(::write(end_.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
    thread_.join();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

 private:
  void run() {
    std::array<char, 65536> packet{};
    std::array<pollfd, 3> wanted{
        {{ends_[0].get(), POLLIN, 0}, {ends_[1].get(), POLLIN, 0}, {end_.get(), POLLIN, 0}}};
    while (::poll(wanted.data(), wanted.size(), -1) > 0 && wanted[2].revents == 0) {
      for (size_t from = 0; from < ends_.size(); ++from) {
        if (wanted[from].revents == 0) continue;
        const ssize_t got = ::read(ends_[from].get(), packet.data(), packet.size());
        if (got <= 0 || lost(packet.data(), static_cast<size_t>(got), from == 0)) continue;
        (void)!::write(ends_[from ^ 1U].get(), packet.data(), static_cast<size_t>(got));
      }
    }
  }
  bool lost(const char* packet, size_t size, bool to_second) const {
    iphdr ip{};
    if (size < sizeof(ip)) return false;
    std::memcpy(&ip, packet, sizeof(ip));
    Segment segment;
    segment.to_second = to_second;
    const size_t head = size_t{ip.ihl} * 4;
    if (ip.version != 4 || ip.protocol != IPPROTO_TCP || size < head + sizeof(tcphdr)) return false;
    std::memcpy(&segment.tcp, packet + head, sizeof(tcphdr));
    segment.payload = size - head - size_t{segment.tcp.doff} * 4;
    return loses_(segment);
  }

  std::array<base::UniqueFd, 2> ends_;
  Loses loses_;
  base::UniqueFd end_;
  std::thread thread_;
};

}  // namespace hostlens::testing
