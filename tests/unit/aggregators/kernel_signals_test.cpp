// SPDX-License-Identifier: Apache-2.0
#include "aggregators/kernel_signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

#include "model/histogram_math.h"
#include "snapshot_reader.h"

namespace hostlens::aggregators {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr char kBlocked[] = "hostlens.thread.blocked.duration";
constexpr char kRunqueue[] = "hostlens.thread.runqueue.duration";
constexpr char kExits[] = "hostlens.process.exits";

class FakeNames final : public SignalNames {
 public:
  [[nodiscard]] std::string system_call(uint32_t number) const override {
    return number == 74 ? "fsync" : "";
  }
  [[nodiscard]] std::string packet_drop_reason(uint32_t number) const override {
    return number == 3 ? "NO_SOCKET" : "";
  }
  [[nodiscard]] std::string disk(uint32_t device) const override {
    return device == (8U << DEVICE_MINOR_BITS | 16U) ? "sdb" : "";
  }
  [[nodiscard]] std::string mount_point(uint32_t device) const override {
    return device == (8U << DEVICE_MINOR_BITS | 1U) ? "/srv" : "";
  }
  [[nodiscard]] std::string interrupt_handler(uint32_t irq, uint16_t hash) const override {
    return irq == 36 ? "virtio1-req.0" : hash == 7 ? "ehci_hcd:usb1" : "";
  }
};

class KernelSignalsTest : public testing::Test {
 protected:
  SnapshotReader read(uint64_t now_ns = kSecond, uint64_t idle_ns = 300 * kSecond) {
    loads_.clear();
    auto snapshot = std::make_shared<model::MetricSnapshot>();
    snapshot->unix_ns = base::unix_now_ns() + kSecond;
    snapshot->families = *signals_.families(now_ns, idle_ns, loads_);
    return SnapshotReader(std::move(snapshot));
  }
  static model::SignalDistribution values(size_t slot, uint64_t count, uint64_t sum_ns) {
    model::SignalDistribution distribution;
    distribution.slots[slot] = count;
    distribution.sum = sum_ns;
    return distribution;
  }
  static signal_key key(kernel_signal signal, uint16_t label = 0, uint32_t detail = 0) {
    return {0, static_cast<uint16_t>(signal), label, detail};
  }
  static const model::ExponentialHistogram& histogram(const model::MetricPoint* point) {
    return std::get<model::ExponentialHistogram>(point->value);
  }

  FakeNames names_;
  std::shared_ptr<const model::Service> host_ = process_of("hostlens")->service;
  std::shared_ptr<const model::Service> web_ = process_of("web")->service;
  KernelSignals signals_{host_, names_, 4};
  std::vector<FamilyLoad> loads_;
};

TEST_F(KernelSignalsTest, DatagramsAreCountedWithTheirBytes) {
  const signal_key sent = key(SIGNAL_UDP_SIZE, UDP_TRANSMIT);
  signals_.add(sent, web_, values(10, 4, 2400));
  signals_.add(sent, web_, values(7, 1, 100));
  const SnapshotReader reader = read();
  EXPECT_EQ(reader.number("hostlens.udp.io", "network.io.direction=transmit"), 2500);
  EXPECT_EQ(reader.number("hostlens.udp.datagrams", "network.io.direction=transmit"), 5);
  EXPECT_EQ(reader.family("hostlens.udp.io")->kind, model::MetricKind::kCounter);
}

TEST_F(KernelSignalsTest, DropsHaveTheKernelsReasonOrItsNumber) {
  signals_.add(key(SIGNAL_PACKET_DROPS, 0, 3), nullptr, 7);
  signals_.add(key(SIGNAL_PACKET_DROPS, 0, 65537), nullptr, 1);
  const SnapshotReader reader = read();
  EXPECT_EQ(reader.number("hostlens.packet.drops", "reason=NO_SOCKET"), 7);
  EXPECT_EQ(reader.number("hostlens.packet.drops", "reason=65537"), 1);
}

TEST_F(KernelSignalsTest, CallsHaveTheirErrorAndListenersTheirPort) {
  signals_.add(key(SIGNAL_SYSCALL, ENOENT, 75), web_, values(3, 30, 90'000));
  signals_.add(key(SIGNAL_SYSCALL, 0, 0), web_, values(3, 30, 90'000));
  signals_.add(key(SIGNAL_LISTEN_DROPS, 0, 8080), web_, 5);
  const SnapshotReader reader = read();
  EXPECT_THAT(reader.points("hostlens.syscall.duration"),
              UnorderedElementsAre("error.type=ENOENT,syscall=fsync", ""));
  EXPECT_EQ(reader.number("hostlens.listen.overflows", "server.port=8080"), 5);
}

TEST_F(KernelSignalsTest, ASleepHasItsCauseAndItsSystemCall) {
  signals_.add(key(SIGNAL_BLOCKED, BLOCKED_DISK, 75), web_, values(15, 3, 90'000'000));
  signals_.add(key(SIGNAL_BLOCKED, BLOCKED_PAGE_FAULT, 0), web_, values(12, 1, 3'000'000));
  const SnapshotReader read_ = read();
  EXPECT_THAT(read_.points(kBlocked),
              UnorderedElementsAre("cause=disk,syscall=fsync", "cause=page_fault"));
  EXPECT_EQ(read_.point(kBlocked, "cause=page_fault")->service, web_);
}

TEST_F(KernelSignalsTest, SlotsAreBucketsOfScaleZeroWithTheSameBounds) {
  model::SignalDistribution distribution = values(0, 5, 10'000'000);
  distribution.slots[1] = 7;   // up to 2^-19 s
  distribution.slots[20] = 2;  // (0.5 s, 1 s]
  signals_.add(key(SIGNAL_RUNQUEUE, RUNQUEUE_WAKEUP), web_, distribution);
  const SnapshotReader read_ = read();
  const auto& told = histogram(read_.point(kRunqueue, "reason=wakeup"));
  EXPECT_EQ(told.scale, 0);
  EXPECT_EQ(told.zero_count, 5U);
  EXPECT_EQ(told.zero_threshold, 0x1p-20);
  EXPECT_EQ(told.offset, -20);
  ASSERT_EQ(told.counts.size(), 20U);
  EXPECT_EQ(told.counts.front(), 7U);
  EXPECT_EQ(told.counts.back(), 2U);  // index -1: (2^-1, 2^0]
  EXPECT_EQ(told.count, 14U);
  EXPECT_DOUBLE_EQ(told.sum, 0.01);
  EXPECT_FALSE(told.has_range);
  EXPECT_TRUE(read_.family(kRunqueue)->octaves);
  EXPECT_LE(model::quantile(told, 0.999), 1.0);
  EXPECT_GT(model::quantile(told, 0.999), 0.5);
}

TEST_F(KernelSignalsTest, ReadingsAddUp) {
  for (int i = 0; i < 3; ++i) {
    signals_.add(key(SIGNAL_RUNQUEUE, RUNQUEUE_PREEMPTED), web_, values(10, 2, 1'000'000));
    signals_.add(key(SIGNAL_EXITS, EXIT_SIGNALED, SIGSEGV), web_, 4);
  }
  const SnapshotReader read_ = read();
  EXPECT_EQ(histogram(read_.point(kRunqueue, "reason=preempted")).count, 6U);
  EXPECT_DOUBLE_EQ(histogram(read_.point(kRunqueue, "reason=preempted")).sum, 0.003);
  EXPECT_EQ(std::get<int64_t>(read_.point(kExits, "code=SIGSEGV,reason=signaled")->value), 12);
}

TEST_F(KernelSignalsTest, ProcessesOfOneServiceAreOneSeries) {
  signals_.add(key(SIGNAL_EXITS, EXIT_EXITED, 0), web_, 1);
  signals_.add(key(SIGNAL_EXITS, EXIT_EXITED, 0), web_, 1);
  signals_.add(key(SIGNAL_EXITS, EXIT_DUMPED, SIGABRT), web_, 1);
  const SnapshotReader read_ = read();
  EXPECT_THAT(read_.points(kExits),
              ElementsAre("code=0,reason=exited", "code=SIGABRT,reason=dumped"));
  EXPECT_EQ(std::get<int64_t>(read_.point(kExits, "code=0,reason=exited")->value), 2);
}

TEST_F(KernelSignalsTest, WhatIsNobodysIsTheHosts) {
  signals_.add(key(SIGNAL_EXITS, EXIT_EXITED, 0), nullptr, 1);
  EXPECT_EQ(read().point(kExits, "code=0,reason=exited")->service, nullptr);
}

TEST_F(KernelSignalsTest, DisksHaveDeviceDirectionAndErrors) {
  constexpr uint32_t kDisk = 8U << DEVICE_MINOR_BITS | 16U;
  signals_.add(key(SIGNAL_DISK_IO, DISK_READ, kDisk), web_, values(15, 3, 90'000'000));
  signals_.add(key(SIGNAL_DISK_QUEUE, DISK_DISCARD, kDisk), web_, values(15, 3, 90'000'000));
  signals_.add(key(SIGNAL_DISK_IO, DISK_FLUSH, 1), web_, values(15, 3, 90'000'000));
  signals_.add(key(SIGNAL_DISK_SIZE, DISK_WRITE, kDisk), web_, values(12, 2, 8192));
  signals_.add(key(SIGNAL_DISK_ERRORS, DISK_WRITE | EIO << DISK_ERROR_SHIFT, kDisk), web_, 2);
  signals_.add(key(SIGNAL_DISK_ERRORS, DISK_READ, kDisk), web_, 1);
  const SnapshotReader read_ = read();
  EXPECT_THAT(read_.points("hostlens.disk.io.duration"),
              UnorderedElementsAre("device=sdb,disk.io.direction=read", "disk.io.direction=flush"));
  EXPECT_THAT(read_.points("hostlens.disk.queue.duration"),
              ElementsAre("device=sdb,disk.io.direction=discard"));
  EXPECT_THAT(read_.points("hostlens.disk.io.errors"),
              UnorderedElementsAre("device=sdb,disk.io.direction=write,error.type=EIO",
                                   "device=sdb,disk.io.direction=read,error.type=_OTHER"));
  const auto& sizes =
      histogram(read_.point("hostlens.disk.io.size", "device=sdb,disk.io.direction=write"));
  EXPECT_DOUBLE_EQ(sizes.sum, 8192);
  EXPECT_EQ(sizes.offset, 11) << "(2^11, 2^12] bytes";
}

TEST_F(KernelSignalsTest, InterruptsHaveTheKernelsNames) {
  const auto one = values(3, 1, 1000);
  signals_.add(key(SIGNAL_INTERRUPT, INTERRUPT_SOFT, 3), nullptr, one);
  signals_.add(key(SIGNAL_INTERRUPT, INTERRUPT_HARD, 36), nullptr, one);
  signals_.add(key(SIGNAL_INTERRUPT, INTERRUPT_HARD | 7 << INTERRUPT_NAME_SHIFT, 9), nullptr, one);
  signals_.add(key(SIGNAL_INTERRUPT, INTERRUPT_HARD, 9), nullptr, one);
  EXPECT_THAT(
      read().points("hostlens.interrupt.duration"),
      UnorderedElementsAre("type=softirq,vector=NET_RX", "type=hardirq,vector=virtio1-req.0",
                           "type=hardirq,vector=ehci_hcd:usb1", "type=hardirq,vector=9"));
}

TEST_F(KernelSignalsTest, MemoryAndFilesHaveTheirTypes) {
  constexpr uint32_t kFileSystem = 8U << DEVICE_MINOR_BITS | 1U;
  const auto one = values(3, 1, 1000);
  signals_.add(key(SIGNAL_FAULT, FAULT_MAJOR), web_, one);
  signals_.add(key(SIGNAL_RECLAIM_STALL, STALL_MEMCG), web_, one);
  signals_.add(key(SIGNAL_RECLAIM_STALL, STALL_DIRECT), web_, one);
  signals_.add(key(SIGNAL_RECLAIM_STALL, STALL_COMPACTION), web_, one);
  signals_.add(key(SIGNAL_FSYNC, 0, kFileSystem), web_, one);
  signals_.add(key(SIGNAL_FSYNC, ENOSPC, 5), web_, one);
  signals_.add(key(SIGNAL_FILE_IO, FILE_OPEN, kFileSystem), web_, one);
  signals_.add(key(SIGNAL_WRITEBACK, 0, kFileSystem), web_, one);
  signals_.add(key(SIGNAL_OOM_KILLS), web_, 2);
  const SnapshotReader read_ = read();
  EXPECT_THAT(read_.points("hostlens.memory.fault.duration"), ElementsAre("type=major"));
  EXPECT_THAT(read_.points("hostlens.memory.reclaim.stall.duration"),
              UnorderedElementsAre("type=memcg", "type=direct", "type=compaction"));
  EXPECT_THAT(read_.points("hostlens.fsync.duration"),
              UnorderedElementsAre("mountpoint=/srv", "error.type=ENOSPC"));
  EXPECT_THAT(read_.points("hostlens.file.io.duration"), ElementsAre("mountpoint=/srv,type=open"));
  EXPECT_THAT(read_.points("hostlens.writeback.duration"), ElementsAre("mountpoint=/srv"));
  EXPECT_EQ(std::get<int64_t>(read_.point("hostlens.oom.kills", "")->value), 2);
}

TEST_F(KernelSignalsTest, BeyondTheLimitSeriesBecomeOneAndAreCounted) {
  for (uint32_t code = 0; code < 9; ++code) {
    signals_.add(key(SIGNAL_EXITS, EXIT_EXITED, code), web_, 1);
  }
  const SnapshotReader read_ = read();
  EXPECT_EQ(read_.points(kExits).size(), 5U);
  EXPECT_EQ(std::get<int64_t>(read_.point(kExits, "otel.metric.overflow=true")->value), 5);
  ASSERT_EQ(loads_.size(), 1U);
  EXPECT_EQ(loads_[0].overflows, 5U);
}

TEST_F(KernelSignalsTest, IdleSeriesGo) {
  signals_.add(key(SIGNAL_EXITS, EXIT_EXITED, 0), web_, 1);
  EXPECT_EQ(read(10 * kSecond, 60 * kSecond).points(kExits).size(), 1U);
  EXPECT_THAT(read(80 * kSecond, 60 * kSecond).points(kExits), IsEmpty());
}

TEST_F(KernelSignalsTest, ASignalOfANewerProgramIsCountedAndLeftOut) {
  signals_.add({0, 60000, 0, 0}, web_, 1);
  signals_.add({0, 60001, 0, 0}, web_, values(3, 1, 1));
  EXPECT_EQ(signals_.unknown_total(), 2U);
  EXPECT_THAT(read().snapshot().families, IsEmpty());
}

}  // namespace
}  // namespace hostlens::aggregators
