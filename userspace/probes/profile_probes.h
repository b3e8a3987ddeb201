// SPDX-License-Identifier: Apache-2.0
// The probes of profiles as one: whoever wants stacks attaches them by one call. Privileged.
#pragma once

#include <memory>
#include <optional>

#include "probes/off_cpu_probe.h"
#include "probes/profile_probe.h"

namespace hostlens::probes {

struct ProfileProbesSettings {
  ProfileProbeSettings cpu;                    ///< hz 0: no CPU is sampled
  std::optional<OffCpuProbeSettings> off_cpu;  ///< nullopt: no time off CPU is looked at
  /// Times off CPU are looked at of whoever becomes a target after begin(), too.
  bool follows_targets = false;
};

/// Attached for as long as it lives.
class ProfileProbes {
 public:
  /// `context.maps` must know OffCpuProbe::kSharedMaps. nullptr when nothing of what was asked for
  /// can be had: context.report says why; it also says so of either one that is missing.
  [[nodiscard]] static std::unique_ptr<ProfileProbes> attach(const KernelProbeContext& context,
                                                             const ProfileProbesSettings& settings);

  /// Once, when somebody reads what is recorded: nothing is before.
  [[nodiscard]] base::Result<void> begin();
  [[nodiscard]] ProfileProbe::Maps maps() const { return sampler_->maps(); }
  /// Always there: off-CPU stacks use its tables.
  [[nodiscard]] ProfileProbe& sampler() const { return *sampler_; }
  [[nodiscard]] OffCpuProbe* off_cpu() const { return off_cpu_.get(); }
  [[nodiscard]] bool samples_cpus() const { return samples_cpus_; }
  /// Every second: CPUs come and go; after begin(), when nobody knows which targets there will be,
  /// threads of targets are looked for too.
  [[nodiscard]] base::Result<void> on_second();
  [[nodiscard]] uint64_t recursion_misses() const;

 private:
  ProfileProbes(std::unique_ptr<ProfileProbe> sampler, std::unique_ptr<OffCpuProbe> off_cpu,
                bool samples_cpus, bool follows_targets)
      : sampler_(std::move(sampler)),
        off_cpu_(std::move(off_cpu)),
        samples_cpus_(samples_cpus),
        follows_targets_(follows_targets) {}

  std::unique_ptr<ProfileProbe> sampler_;
  std::unique_ptr<OffCpuProbe> off_cpu_;
  bool samples_cpus_;
  bool follows_targets_;
  bool begun_ = false;
};

}  // namespace hostlens::probes
