// SPDX-License-Identifier: Apache-2.0
// As many interrupts of each kind as the kernel counts itself between two readings.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "bpf/kernel_signals.h"

namespace hostlens::testing {
namespace {

using Counts = std::map<uint32_t, uint64_t>;

/// By vector; the order of the lines is that of the kernel's numbers.
Counts soft_counts() {
  std::ifstream file("/proc/softirqs");
  std::string line;
  std::getline(file, line);
  Counts counts;
  for (uint32_t vector = 0; std::getline(file, line); ++vector) {
    std::istringstream words(line.substr(line.find(':') + 1));
    for (uint64_t count = 0; words >> count;) counts[vector] += count;
  }
  return counts;
}

std::string irq_file(uint32_t irq, const char* name) {
  std::ifstream file("/sys/kernel/irq/" + std::to_string(irq) + "/" + name);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<std::string> handlers_of(uint32_t irq) {
  std::vector<std::string> names;
  std::istringstream list(irq_file(irq, "actions"));
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

/// Of those with one handler, by number.
Counts hard_counts() {
  Counts counts;
  DIR* folder = ::opendir("/sys/kernel/irq");
  if (folder == nullptr) return counts;
  while (const dirent* entry = ::readdir(folder)) {
    const auto irq = static_cast<uint32_t>(std::strtoul(entry->d_name, nullptr, 10));
    if (irq == 0 || handlers_of(irq).size() != 1) continue;
    std::istringstream list(irq_file(irq, "per_cpu_count"));
    for (std::string count; std::getline(list, count, ',');) {
      counts[irq] += std::strtoull(count.c_str(), nullptr, 10);
    }
  }
  ::closedir(folder);
  return counts;
}

/// Datagrams to ourselves: each is received in a soft interrupt.
void send_datagrams(int count) {
  const base::UniqueFd receiver(::socket(AF_INET, SOCK_DGRAM, 0));
  const base::UniqueFd sender(::socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  ASSERT_EQ(::bind(receiver.get(), generic, length), 0);
  ASSERT_EQ(::getsockname(receiver.get(), generic, &length), 0);
  for (int i = 0; i < count; ++i) {
    char byte = 0;
    ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, generic, length), 1);
    ASSERT_EQ(::recv(receiver.get(), &byte, 1, 0), 1);
  }
}

/// On a machine with a disk under /tmp, that interrupts when it is done.
void write_file() {
  char path[] = "/tmp/hostlens-interrupt-XXXXXX";
  const base::UniqueFd file(::mkstemp(path));
  ASSERT_TRUE(file);
  ::unlink(path);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(::pwrite(file.get(), path, sizeof(path), 0), static_cast<ssize_t>(sizeof(path)));
    ASSERT_EQ(::fdatasync(file.get()), 0);
  }
}

class InterruptTest : public ::testing::Test {
 protected:
  struct Reading {
    Counts soft, hard;
  };

  static void SetUpTestSuite() { signals_ = KernelSignals::open(why_not_); }
  static void TearDownTestSuite() { signals_.reset(); }
  void SetUp() override {
    if (!signals_) GTEST_SKIP() << why_not_;
    ASSERT_EQ(signals_->refusals("interrupt"), "");
  }

  /// Provokes some, with the kernel's counts from just before and after both ends of what ours are
  /// of.
  void provoke() {
    before_ = {soft_counts(), hard_counts()};
    signals_->read();
    begun_ = {soft_counts(), hard_counts()};
    begin_ns_ = base::monotonic_now_ns();
    send_datagrams(2000);
    write_file();
    ending_ = {soft_counts(), hard_counts()};
    signals_->read();
    after_ = {soft_counts(), hard_counts()};
    for (const Counted& counted : signals_->all()) {
      if (counted.key.signal != SIGNAL_INTERRUPT) continue;
      const auto type = counted.key.label & ((1U << INTERRUPT_NAME_SHIFT) - 1);
      (type == INTERRUPT_SOFT ? ours_.soft : ours_.hard)[counted.key.detail] += counted.count;
    }
  }
  /// Each CPU may be in the midst of one at either end: the kernel counts it before, we after.
  static void expect_between(const Counts& ours, uint32_t number, uint64_t least, uint64_t most) {
    const auto cpus = static_cast<uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN));
    const auto found = ours.find(number);
    const uint64_t count = found == ours.end() ? 0 : found->second;
    EXPECT_GE(count + cpus, least) << number;
    EXPECT_LE(count, most + cpus) << number;
  }

  static inline std::unique_ptr<KernelSignals> signals_;
  static inline std::string why_not_;
  Reading before_, begun_, ending_, after_, ours_;
  uint64_t begin_ns_ = 0;
};

constexpr uint32_t kNetRx = 3;  // include/linux/interrupt.h

TEST_F(InterruptTest, SoftOnesAreAsManyAsTheKernelCounts) {
  provoke();
  EXPECT_GE(ours_.soft[kNetRx], 2000U);
  ASSERT_EQ(before_.soft.size(), 10U);
  for (const auto& [vector, count] : before_.soft) {
    expect_between(ours_.soft, vector, ending_.soft[vector] - begun_.soft[vector],
                   after_.soft[vector] - count);
  }
}

TEST_F(InterruptTest, HardOnesAreAsManyAsTheKernelCounts) {
  provoke();
  if (ours_.hard.empty()) GTEST_SKIP() << "no device interrupted this machine meanwhile";
  for (const auto& [irq, count] : before_.hard) {
    expect_between(ours_.hard, irq, ending_.hard[irq] - begun_.hard[irq], after_.hard[irq] - count);
  }
}

TEST_F(InterruptTest, TheyTakeTimeButNoMoreThanThereIs) {
  provoke();
  uint64_t soft_ns = 0;
  uint64_t hard_ns = 0;
  for (const Counted& counted : signals_->all()) {
    if (counted.key.signal != SIGNAL_INTERRUPT) continue;
    const auto type = counted.key.label & ((1U << INTERRUPT_NAME_SHIFT) - 1);
    (type == INTERRUPT_SOFT ? soft_ns : hard_ns) += counted.distribution.sum;
  }
  const uint64_t most_ns = (base::monotonic_now_ns() - begin_ns_) *
                           static_cast<uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN));
  // To deliver a datagram takes some hundred instructions.
  EXPECT_GT(soft_ns, 2000U * 100);
  EXPECT_LT(soft_ns + hard_ns, most_ns);
}

TEST_F(InterruptTest, HandlersThatShareOneAreToldApartByName) {
  provoke();
  for (const Counted& counted : signals_->all()) {
    const auto hash = static_cast<uint16_t>(counted.key.label >> INTERRUPT_NAME_SHIFT);
    if (counted.key.signal != SIGNAL_INTERRUPT || hash == 0) continue;
    const auto names = handlers_of(counted.key.detail);
    EXPECT_EQ(std::count_if(names.begin(), names.end(),
                            [&](const std::string& name) {
                              return interrupt_name__hash(name.c_str()) == hash;
                            }),
              1)
        << counted.key.detail << " " << irq_file(counted.key.detail, "actions");
  }
}

}  // namespace
}  // namespace hostlens::testing
