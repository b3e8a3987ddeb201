// SPDX-License-Identifier: Apache-2.0
#include "aggregators/kernel_signals.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <numeric>
#include <utility>

#include "aggregators/blocked_cause_name.h"
#include "base/clock.h"

namespace hostlens::aggregators {
namespace {

using model::Attributes;
using model::MetricKind;
using model::SignalDistribution;

Attributes of_blocked(const signal_key& key, const SignalNames& names) {
  Attributes attributes{{"cause", blocked_cause_name(key.label)}};
  if (key.detail == 0) return attributes;
  std::string call = names.system_call(key.detail - 1);
  if (!call.empty()) attributes.push_back({"syscall", std::move(call)});
  return attributes;
}

Attributes of_runqueue(const signal_key& key, const SignalNames&) {
  return {{"reason", std::string(key.label == RUNQUEUE_PREEMPTED ? "preempted" : "wakeup")}};
}

Attributes of_exit(const signal_key& key, const SignalNames&) {
  if (key.label == EXIT_EXITED) {
    return {{"code", std::to_string(key.detail)}, {"reason", std::string("exited")}};
  }
  const char* name = ::sigabbrev_np(static_cast<int>(key.detail));
  return {{"code", name != nullptr ? std::string("SIG") + name : std::to_string(key.detail)},
          {"reason", std::string(key.label == EXIT_DUMPED ? "dumped" : "signaled")}};
}

Attributes of_port(const signal_key& key, const SignalNames&) {
  return {{"server.port", int64_t{key.detail}}};
}

/// Reasons of parts of the kernel that have their own have no name here.
Attributes of_drop(const signal_key& key, const SignalNames& names) {
  std::string name = names.packet_drop_reason(key.detail);
  if (name.empty()) name = std::to_string(key.detail);
  return {{"reason", std::move(name)}};
}

Attributes of_udp(const signal_key& key, const SignalNames&) {
  return {
      {"network.io.direction", std::string(key.label == UDP_TRANSMIT ? "transmit" : "receive")}};
}

void add_known(Attributes& attributes, const char* key, std::string value) {
  if (!value.empty()) attributes.push_back({key, std::move(value)});
}

/// As the convention for error.type wants it: "_OTHER" for one that is not known more closely.
std::string error_name(int error) {
  const char* name = error > 0 ? ::strerrorname_np(error) : nullptr;
  return name != nullptr ? name : "_OTHER";
}

Attributes of_call(const signal_key& key, const SignalNames& names) {
  Attributes attributes;
  if (key.label != 0) attributes.push_back({"error.type", error_name(key.label)});
  std::string call = key.detail == 0 ? std::string() : names.system_call(key.detail - 1);
  if (!call.empty()) attributes.push_back({"syscall", std::move(call)});
  return attributes;
}

Attributes of_disk(const signal_key& key, const SignalNames& names) {
  constexpr const char* kDirections[] = {"read", "write", "flush", "discard"};
  const auto direction = key.label & ((1U << DISK_ERROR_SHIFT) - 1U);
  Attributes attributes;
  add_known(attributes, "device", names.disk(key.detail));
  if (direction >= DISK_READ && direction <= DISK_DISCARD) {
    attributes.push_back({"disk.io.direction", std::string(kDirections[direction - DISK_READ])});
  }
  return attributes;
}

Attributes of_disk_error(const signal_key& key, const SignalNames& names) {
  Attributes attributes = of_disk(key, names);
  attributes.push_back({"error.type", error_name(key.label >> DISK_ERROR_SHIFT)});
  return attributes;
}

/// Soft ones as in /proc/softirqs.
Attributes of_interrupt(const signal_key& key, const SignalNames& names) {
  constexpr const char* kVectors[] = {"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                      "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU"};
  const auto type = key.label & ((1U << INTERRUPT_NAME_SHIFT) - 1U);
  if (type == INTERRUPT_SOFT) {
    const bool known = key.detail < std::size(kVectors);
    return {{"type", std::string("softirq")},
            {"vector", known ? kVectors[key.detail] : std::to_string(key.detail)}};
  }
  const auto hash = static_cast<uint16_t>(key.label >> INTERRUPT_NAME_SHIFT);
  std::string name = names.interrupt_handler(key.detail, hash);
  if (name.empty()) name = std::to_string(key.detail);
  return {{"type", std::string("hardirq")}, {"vector", std::move(name)}};
}

Attributes of_fault(const signal_key&, const SignalNames&) {
  return {{"type", std::string("major")}};
}

Attributes of_stall(const signal_key& key, const SignalNames&) {
  const char* type = key.label == STALL_DIRECT  ? "direct"
                     : key.label == STALL_MEMCG ? "memcg"
                                                : "compaction";
  return {{"type", std::string(type)}};
}

Attributes of_fsync(const signal_key& key, const SignalNames& names) {
  Attributes attributes;
  if (key.label != 0) attributes.push_back({"error.type", error_name(key.label)});
  add_known(attributes, "mountpoint", names.mount_point(key.detail));
  return attributes;
}

Attributes of_file(const signal_key& key, const SignalNames& names) {
  const char* type = key.label == FILE_READ ? "read" : key.label == FILE_WRITE ? "write" : "open";
  Attributes attributes;
  add_known(attributes, "mountpoint", names.mount_point(key.detail));
  attributes.push_back({"type", std::string(type)});
  return attributes;
}

Attributes of_nothing(const signal_key&, const SignalNames&) { return {}; }

struct SignalRow {
  kernel_signal signal;
  FamilyName name;  ///< of a distribution as a counter: its sum in By, else how many values
  Attributes (*attributes)(const signal_key&, const SignalNames&);  ///< sorted by key
  bool distribution = name.kind == MetricKind::kHistogram;
};

constexpr SignalRow kRows[] = {
    {SIGNAL_BLOCKED,
     {"hostlens.thread.blocked.duration",
      "Sleeps of threads, from giving up the CPU to being woken.", "s", MetricKind::kHistogram},
     of_blocked},
    {SIGNAL_RUNQUEUE,
     {"hostlens.thread.runqueue.duration", "Waits of threads for a CPU.", "s",
      MetricKind::kHistogram},
     of_runqueue},
    {SIGNAL_MIGRATIONS,
     {"hostlens.thread.migrations", "Threads moved to another CPU.", "{migration}",
      MetricKind::kCounter},
     of_nothing},
    {SIGNAL_EXECS,
     {"hostlens.process.execs", "Programs executed.", "{exec}", MetricKind::kCounter},
     of_nothing},
    {SIGNAL_EXITS,
     {"hostlens.process.exits", "Processes that ended.", "{process}", MetricKind::kCounter},
     of_exit},
    {SIGNAL_LIFETIME,
     {"hostlens.process.lifetime", "How long processes had lived that ended.", "s",
      MetricKind::kHistogram},
     of_nothing},
    {SIGNAL_ACCEPT,
     {"hostlens.tcp.accept.duration", "Waits of connections from the handshake to accept(2).", "s",
      MetricKind::kHistogram},
     of_nothing},
    {SIGNAL_LISTEN_DROPS,
     {"hostlens.listen.overflows",
      "SYNs and last ACKs that a listener dropped: its accept queue was full, or the kernel had no "
      "memory or route.",
      "{packet}", MetricKind::kCounter},
     of_port},
    {SIGNAL_SYNACK_RETRANSMITS,
     {"hostlens.tcp.handshake.retransmits", "SYN-ACKs sent again: handshakes that do not end.",
      "{segment}", MetricKind::kCounter},
     of_port},
    {SIGNAL_TCP_RETRANSMITS,
     {"hostlens.tcp.other.retransmits",
      "TCP segments sent again for who is no target; those of targets: hostlens.tcp.retransmits.",
      "{segment}", MetricKind::kCounter},
     of_nothing},
    {SIGNAL_PACKET_DROPS,
     {"hostlens.packet.drops",
      "Packets that the kernel dropped, by its reason; NOT_SPECIFIED has some that just were not "
      "wanted any more.",
      "{packet}", MetricKind::kCounter},
     of_drop},
    {SIGNAL_UDP_SIZE,
     {"hostlens.udp.io", "Bytes that UDP socket calls moved.", "By", MetricKind::kCounter},
     of_udp,
     true},
    {SIGNAL_UDP_SIZE,
     {"hostlens.udp.datagrams",
      "Messages that UDP socket calls moved; one that the kernel cuts up counts once.",
      "{datagram}", MetricKind::kCounter},
     of_udp,
     true},
    {SIGNAL_SYSCALL,
     {"hostlens.syscall.duration",
      "System calls; an estimate, from bursts that stand for the time between them.", "s",
      MetricKind::kHistogram},
     of_call},
    {SIGNAL_SYSCALL_WATCHED,
     {"hostlens.syscall.watched.duration",
      "System calls, all of them, while somebody watched (hostlens syscalls).", "s",
      MetricKind::kHistogram},
     of_call},
    {SIGNAL_SYSCALL_UNMEASURED,
     {"hostlens.syscall.unmeasured", "System calls that were in progress when a burst began.",
      "{call}", MetricKind::kCounter},
     of_nothing},
    {SIGNAL_DISK_IO,
     {"hostlens.disk.io.duration", "Requests to disks, from the device's start to its end.", "s",
      MetricKind::kHistogram},
     of_disk},
    {SIGNAL_DISK_QUEUE,
     {"hostlens.disk.queue.duration", "Requests to disks, before the device got them.", "s",
      MetricKind::kHistogram},
     of_disk},
    {SIGNAL_DISK_SIZE,
     {"hostlens.disk.io.size", "Sizes of requests to disks.", "By", MetricKind::kHistogram},
     of_disk},
    {SIGNAL_DISK_ERRORS,
     {"hostlens.disk.io.errors", "Requests to disks that failed.", "{request}",
      MetricKind::kCounter},
     of_disk_error},
    {SIGNAL_INTERRUPT,
     {"hostlens.interrupt.duration", "Time in handlers of interrupts.", "s",
      MetricKind::kHistogram},
     of_interrupt},
    {SIGNAL_FAULT,
     {"hostlens.memory.fault.duration", "Page faults that had to read.", "s",
      MetricKind::kHistogram},
     of_fault},
    {SIGNAL_RECLAIM_STALL,
     {"hostlens.memory.reclaim.stall.duration", "Waits of threads that had to free memory first.",
      "s", MetricKind::kHistogram},
     of_stall},
    {SIGNAL_OOM_KILLS,
     {"hostlens.oom.kills", "Processes killed because there was no memory left.", "{process}",
      MetricKind::kCounter},
     of_nothing},
    {SIGNAL_FSYNC,
     {"hostlens.fsync.duration", "Waits for files to be on the disk.", "s", MetricKind::kHistogram},
     of_fsync},
    {SIGNAL_FILE_IO,
     {"hostlens.file.io.duration", "Reads, writes and opens of regular files.", "s",
      MetricKind::kHistogram},
     of_file},
    {SIGNAL_WRITEBACK,
     {"hostlens.writeback.duration", "Changed files that the kernel wrote back on its own.", "s",
      MetricKind::kHistogram},
     of_fsync},
};

const SignalRow* row_of(uint16_t signal) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows),
                                 [&](const SignalRow& any) { return any.signal == signal; });
  return row == std::end(kRows) ? nullptr : row;
}

model::ExponentialHistogram histogram_of(const SignalDistribution& distribution, double sum,
                                         bool times) {
  model::ExponentialHistogram histogram;
  histogram.scale = 0;
  const int32_t first = times ? SignalDistribution::kTimeExponent : 0;
  histogram.zero_threshold = times ? 0x1p-20 : 1.0;
  histogram.zero_count = distribution.slots[0];
  histogram.has_range = false;
  histogram.sum = sum;
  size_t low = 1;
  size_t high = SignalDistribution::kSlots;
  while (low < high && distribution.slots[low] == 0) ++low;
  while (high > low && distribution.slots[high - 1] == 0) --high;
  // Slot i holds (2^(first + i - 1), 2^(first + i)].
  histogram.offset = first + static_cast<int32_t>(low) - 1;
  histogram.counts.assign(distribution.slots.begin() + static_cast<ptrdiff_t>(low),
                          distribution.slots.begin() + static_cast<ptrdiff_t>(high));
  histogram.count =
      std::accumulate(distribution.slots.begin(), distribution.slots.end(), uint64_t{0});
  return histogram;
}

/// Values of KernelSignals.
template <typename Values>
uint64_t number_of(const SignalRow& row, const Values& values) {
  if (!row.distribution) return values.count;
  if (row.name.unit == "By") return static_cast<uint64_t>(values.sum);
  const auto& slots = values.distribution.slots;
  return std::accumulate(slots.begin(), slots.end(), uint64_t{0});
}

}  // namespace

KernelSignals::KernelSignals(ServicePointer host, const SignalNames& names,
                             size_t series_per_family)
    : host_(std::move(host)), names_(names), limit_(series_per_family) {}

KernelSignals::Values* KernelSignals::values_of(const signal_key& key,
                                                const ServicePointer& service) {
  const SignalRow* row = row_of(key.signal);
  if (row == nullptr) {
    ++unknown_;
    return nullptr;
  }
  Table& table = tables_.try_emplace(key.signal, limit_).first->second;
  const ServicePointer& whose = service != nullptr ? service : host_;
  const Key short_key{whose.get(), key.label, key.detail};
  if (Table::Series* const series = table.find(short_key)) return &series->values;
  return &table.admit(short_key, whose, row->attributes(key, names_)).values;
}

void KernelSignals::add(const signal_key& key, const ServicePointer& service,
                        const SignalDistribution& distribution) {
  Values* const values = values_of(key, service);
  if (values == nullptr) return;
  const bool times = row_of(key.signal)->name.unit == "s";
  values->sum += static_cast<double>(distribution.sum) * (times ? 1e-9 : 1.0);
  for (size_t i = 0; i < SignalDistribution::kSlots; ++i) {
    values->distribution.slots[i] += distribution.slots[i];
  }
}

void KernelSignals::add(const signal_key& key, const ServicePointer& service, uint64_t count) {
  if (Values* const values = values_of(key, service)) values->count += count;
}

std::shared_ptr<const std::vector<model::MetricFamily>> KernelSignals::families(
    uint64_t now_ns, uint64_t idle_ns, std::vector<FamilyLoad>& loads,
    std::vector<model::MetricFamily> more) {
  model::MetricSnapshot snapshot;
  snapshot.families = std::move(more);
  snapshot.unix_ns = base::unix_now_ns();
  FamilyList list(snapshot);
  for (const SignalRow& row : kRows) {
    const auto found = tables_.find(row.signal);
    if (found == tables_.end()) continue;
    Table& table = found->second;
    table.expire(now_ns, idle_ns);
    loads.push_back({row.name.name, table.size(), table.overflowed()});
    list.add(row.name, [&](model::MetricFamily& family) {
      family.octaves = row.name.kind == MetricKind::kHistogram;
      table.for_each([&](const Table::Series& series) {
        model::MetricPoint& point =
            family.octaves ? list.add_point(family, series, series.attributes,
                                            histogram_of(series.values.distribution,
                                                         series.values.sum, row.name.unit == "s"))
                           : list.add_point(family, series, series.attributes,
                                            static_cast<int64_t>(number_of(row, series.values)));
        if (point.service == host_) point.service = nullptr;
      });
    });
  }
  return std::make_shared<const std::vector<model::MetricFamily>>(std::move(snapshot.families));
}

}  // namespace hostlens::aggregators
