// SPDX-License-Identifier: Apache-2.0
// Samples of profiles to metrics: what became of each stack, how many frames have names, which
// functions take the CPU time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/metric.h"
#include "model/service.h"
#include "model/stack.h"

namespace hostlens::aggregators {

/// What the profiler knows of itself. Totals since it began, unless they say otherwise.
struct ProfileAccount {
  uint64_t table_bytes = 0;  ///< of the kernel's memory, now
  uint64_t table_evictions = 0;
  uint64_t tables_built = 0;
  double tables_seconds = 0;   ///< of one CPU, that building them took
  double naming_seconds = 0;   ///< of one CPU, that all the rest of userspace's part took
  uint64_t sampler_runs = 0;   ///< samples of CPUs that were taken
  double sampler_seconds = 0;  ///< that these took in the kernel
  uint64_t lost_ring = 0;      ///< samples: no room in the ring
  uint64_t lost_late = 0;      ///< samples: nobody took them in time
  uint64_t lost_unreadable = 0;
  double hz = 0;  ///< samples of a busy CPU in a second, now
  /// By reason: files that gave no names.
  std::vector<std::pair<std::string_view, uint64_t>> refused;
  /// By outcome: files that debuginfod servers were asked for.
  std::vector<std::pair<std::string_view, uint64_t>> downloads;
};

/// Bounded: so many services, each with so many functions of which the first met are followed. One
/// thread.
class ProfileMetrics {
 public:
  /// `functions`: of each service, in hostlens.profile.cpu.time.
  explicit ProfileMetrics(size_t functions) : functions_(functions) {}
  void set_functions(size_t functions) { functions_ = functions; }

  /// `service`: null is the agent's own resource. `cpu_ns`: that the sample stands for, 0: it is
  /// of a time off CPU. `now_ns`: CLOCK_MONOTONIC.
  void add(const model::Sample& sample, const std::shared_ptr<const model::Service>& service,
           uint64_t cpu_ns, uint64_t now_ns);

  /// Forgets services without a sample for `idle_ns`.
  void add_families(std::vector<model::MetricFamily>& families, const ProfileAccount& account,
                    uint64_t start_unix_ns, uint64_t now_ns, uint64_t idle_ns);

 private:
  static constexpr size_t kMostServices = 1'000;
  static constexpr size_t kMostFunctions = 4'096;

  struct OfService {
    std::shared_ptr<const model::Service> service;
    uint64_t begin_unix_ns = 0;
    uint64_t last_ns = 0;
    std::map<std::string, uint64_t, std::less<>> outcomes;
    /// By kind, and whether they have a name.
    std::array<std::array<uint64_t, 2>, model::Stack::kKinds> frames{};
    std::unordered_map<std::string, uint32_t> functions;  ///< their places in the lists
    /// Lists, because all of them are looked through for those with the most.
    std::vector<uint64_t> function_ns;               ///< in themselves
    std::vector<const std::string*> function_names;  ///< the map's
  };

  void add_service_families(std::vector<model::MetricFamily>& families) const;
  /// Their places in the lists, the one with the most first.
  [[nodiscard]] std::vector<uint32_t> top_functions(const OfService& of) const;

  size_t functions_;
  std::unordered_map<const model::Service*, OfService> services_;
};

}  // namespace hostlens::aggregators
