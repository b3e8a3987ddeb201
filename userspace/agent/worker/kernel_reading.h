// SPDX-License-Identifier: Apache-2.0
// When the tables of kernel signals are read, and whose each count is.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aggregators/kernel_signals.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "discovery/cgroup_names.h"
#include "discovery/process_table.h"
#include "model/listener_state.h"
#include "model/metric.h"
#include "model/oom_kill.h"
#include "probes/listener_reader.h"
#include "probes/oom_kills.h"
#include "probes/signal_tables.h"
#include "scrapers/cgroup_scraper.h"

namespace hostlens::agent {

/// Loop thread only; the table of processes must outlive it.
class KernelReading {
 public:
  using Families = std::shared_ptr<const std::vector<model::MetricFamily>>;

  /// What is read besides the tables; each may be empty.
  struct Extras {
    base::UniqueFd listeners;          ///< for a ListenerReader
    base::UniqueFd system_call_books;  ///< for read_system_call_books
    base::UniqueFd oom_kills;          ///< for OomKills
    std::map<uint32_t, std::string> packet_drop_reasons;
    uint64_t start_unix_ns = 0;  ///< of the probes
  };
  /// `host`: the resource of what belongs to nobody.
  KernelReading(probes::SignalTables tables, Extras extras, discovery::ProcessTable& processes,
                std::shared_ptr<const model::Service> host, size_t series_per_family);

  /// Once per interval: from now on the programs write into the other tables. The cgroups are those
  /// whose processes are one service.
  void begin(const std::vector<scrapers::CgroupTarget>& cgroups);
  /// A round later: reads what was written until begin(). True when there is a new reading.
  bool finish(uint64_t now_ns, uint64_t idle_ns);
  [[nodiscard]] bool busy() const { return begun_; }
  /// null before the first.
  [[nodiscard]] const Families& last() const { return last_; }
  /// Until when it counted, CLOCK_MONOTONIC.
  [[nodiscard]] uint64_t last_ns() const { return last_ns_; }

  [[nodiscard]] bool reads_listeners() const { return listener_reader_.has_value(); }
  /// Accept queues at the last reading, with their services; nullptr service: unknown.
  [[nodiscard]] const std::vector<model::ListenerState>& listeners() const { return listeners_; }

  /// Those that the last reading told, oldest first; null: nobody tells.
  [[nodiscard]] std::shared_ptr<const std::vector<model::OomKill>> oom_kills() const {
    return oom_kills_;
  }

  /// For the agent's account of itself.
  [[nodiscard]] const probes::SignalBooks& books() const { return books_; }
  [[nodiscard]] const std::vector<aggregators::FamilyLoad>& loads() const { return loads_; }
  [[nodiscard]] uint64_t unknown_signals_total() const { return signals_.unknown_total(); }

 private:
  class Names final : public aggregators::SignalNames {
   public:
    explicit Names(std::map<uint32_t, std::string> packet_drop_reasons)
        : packet_drop_reasons_(std::move(packet_drop_reasons)) {}
    [[nodiscard]] std::string system_call(uint32_t number) const override;
    [[nodiscard]] std::string disk(uint32_t device) const override;
    [[nodiscard]] std::string mount_point(uint32_t device) const override;
    [[nodiscard]] std::string interrupt_handler(uint32_t irq, uint16_t hash) const override;
    [[nodiscard]] std::string packet_drop_reason(uint32_t number) const override;

   private:
    std::map<uint32_t, std::string> packet_drop_reasons_;
  };

  [[nodiscard]] std::shared_ptr<const model::Service> service_of(uint64_t owner);
  void report_once(const base::Error& error);
  [[nodiscard]] std::vector<oom_kill> take_oom_kills();
  void set_oom_kills(const std::vector<oom_kill>& kills);
  [[nodiscard]] std::vector<model::MetricFamily> extra_families();

  probes::SignalTables tables_;
  std::optional<probes::ListenerReader> listener_reader_;
  base::UniqueFd system_call_books_;
  std::optional<probes::OomKills> oom_kill_reader_;
  uint64_t start_unix_ns_;
  size_t series_per_family_;
  discovery::ProcessTable& processes_;
  discovery::CgroupNames cgroups_;
  Names names_;
  aggregators::KernelSignals signals_;
  std::shared_ptr<const model::Service> kernel_;
  std::shared_ptr<const model::Service> other_;
  std::vector<model::ListenerState> listeners_;
  std::shared_ptr<const std::vector<model::OomKill>> oom_kills_;
  bool begun_ = false;
  bool reported_ = false;
  Families last_;
  uint64_t turned_ns_ = 0;
  uint64_t last_ns_ = 0;
  probes::SignalBooks books_;
  std::vector<aggregators::FamilyLoad> loads_;
};

}  // namespace hostlens::agent
