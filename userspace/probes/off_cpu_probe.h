// SPDX-License-Identifier: Apache-2.0
// Where threads are while they are off CPU, with stacks: bpf/probes/off_cpu.bpf.c. Privileged.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "probes/kernel_probe.h"

struct off_cpu_bpf;

namespace hostlens::probes {

struct OffCpuProbeSettings {
  uint64_t threshold_ns = 1'000'000;  ///< sleeps and waits below it are summed, without a stack
  uint32_t stacks_per_second = 1000;  ///< of each CPU, about: what is beyond is sampled by duration
  bool targets_only = false;          ///< else of the whole host
  uint32_t raw_per_second = 64;       ///< as in ProfileProbeSettings
  bool wakers = false;                ///< who ends each sleep, too: hooks every wake-up of the host
};

/// Attached for as long as it lives; its records are in the rings of the ProfileProbe.
class OffCpuProbe {
 public:
  /// The maps that it has in common with a ProfileProbe, which must be attached before, with the
  /// same `context.maps`, of these names.
  static constexpr const char* kSharedMaps[] = {
      "profile_ring",  "profile_notices",   "profile_books", "unwind_slabs",   "unwind_executables",
      "unwind_spaces", "profile_processes", "python_spaces", "hotspot_spaces", "target_bits"};

  /// nullptr: this kernel cannot, context.report says why.
  [[nodiscard]] static std::unique_ptr<OffCpuProbe> attach(const KernelProbeContext& context,
                                                           const OffCpuProbeSettings& settings);
  ~OffCpuProbe();
  OffCpuProbe(const OffCpuProbe&) = delete;
  OffCpuProbe& operator=(const OffCpuProbe&) = delete;

  /// Sleeps that are under way count from here on, those of targets. Again: of targets that are
  /// new.
  [[nodiscard]] base::Result<void> begin();
  /// Sleeps that are under way are cut here, and everything that is in no record yet is sent. Once.
  [[nodiscard]] base::Result<void> end();
  [[nodiscard]] uint64_t recursion_misses() const;

 private:
  OffCpuProbe(std::unique_ptr<KernelProbe> loaded, off_cpu_bpf& skeleton);

  std::unique_ptr<KernelProbe> loaded_;
  off_cpu_bpf& skeleton_;
};

}  // namespace hostlens::probes
