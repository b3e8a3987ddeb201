// SPDX-License-Identifier: Apache-2.0
// What the kernel's programs counted, as metrics. One row per signal in kernel_signals.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aggregators/family_list.h"
#include "aggregators/series_table.h"
#include "base/hash.h"
#include "model/kernel_signal.h"
#include "model/metric.h"
#include "records/signal.h"

namespace hostlens::aggregators {

/// Names of what the kernel knows by number. Called once per new series.
class SignalNames {
 public:
  virtual ~SignalNames() = default;
  /// "" when there is none: the attribute is left out.
  [[nodiscard]] virtual std::string system_call(uint32_t number) const = 0;
  /// Numbers of devices as in records/signal.h: of a disk, and of a file system.
  [[nodiscard]] virtual std::string disk(uint32_t device) const = 0;
  [[nodiscard]] virtual std::string mount_point(uint32_t device) const = 0;
  /// Which of its handlers: interrupt_name__hash, 0 for the only one.
  [[nodiscard]] virtual std::string interrupt_handler(uint32_t irq, uint16_t hash) const = 0;
  [[nodiscard]] virtual std::string packet_drop_reason(uint32_t) const { return {}; }
};

/// Counts of one signal by service and attributes, cumulative from the first reading on; idle
/// series go, those beyond the limit become one. One thread.
class KernelSignals {
 public:
  using ServicePointer = std::shared_ptr<const model::Service>;

  /// `host` is the service of what is nobody's; names must outlive this.
  KernelSignals(ServicePointer host, const SignalNames& names, size_t series_per_family);

  /// What came since the reading before. A signal that this program does not know is counted in
  /// unknown_total().
  void add(const signal_key& key, const ServicePointer& service,
           const model::SignalDistribution& distribution);
  void add(const signal_key& key, const ServicePointer& service, uint64_t count);

  /// After each reading; CLOCK_MONOTONIC. Expires idle series. `more` is what else belongs to the
  /// reading.
  [[nodiscard]] std::shared_ptr<const std::vector<model::MetricFamily>> families(
      uint64_t now_ns, uint64_t idle_ns, std::vector<FamilyLoad>& loads,
      std::vector<model::MetricFamily> more = {});

  [[nodiscard]] uint64_t unknown_total() const { return unknown_; }

 private:
  struct Key {
    const model::Service* service = nullptr;
    uint16_t label = 0;
    uint32_t detail = 0;

    bool operator==(const Key&) const = default;
    [[nodiscard]] uint64_t hash() const {
      return base::mix(base::mix(reinterpret_cast<uintptr_t>(service), label), detail);
    }
    [[nodiscard]] Key owned(std::string&) const { return *this; }
  };
  struct Values {
    uint64_t count = 0;  ///< of counts
    model::SignalDistribution distribution;
    double sum = 0;  ///< seconds or bytes
    [[nodiscard]] bool busy() const { return false; }
  };
  using Table = SeriesTable<Values, Key>;

  Values* values_of(const signal_key& key, const ServicePointer& service);

  ServicePointer host_;
  const SignalNames& names_;
  size_t limit_;
  std::map<uint16_t, Table> tables_;  ///< by signal
  uint64_t unknown_ = 0;
};

}  // namespace hostlens::aggregators
