// SPDX-License-Identifier: Apache-2.0
#include "probes/profile_probes.h"

#include <utility>

namespace hostlens::probes {
namespace {

/// At the end of a recording off CPU every thread that sleeps sends a copy of its stack at once:
/// room for some 450 threads, or 900.
constexpr uint32_t kOffCpuRingBytes = 8U << 20;
constexpr uint32_t kOffCpuHostRingBytes = 16U << 20;

}  // namespace

std::unique_ptr<ProfileProbes> ProfileProbes::attach(const KernelProbeContext& context,
                                                     const ProfileProbesSettings& settings) {
  ProfileProbeSettings cpu = settings.cpu;
  if (settings.off_cpu && cpu.ring_bytes == 0) {
    cpu.ring_bytes = cpu.targets_only ? kOffCpuRingBytes : kOffCpuHostRingBytes;
  }
  auto sampler = ProfileProbe::attach(context, cpu);
  if (sampler == nullptr) return nullptr;
  std::unique_ptr<OffCpuProbe> off_cpu;
  if (settings.off_cpu) off_cpu = OffCpuProbe::attach(context, *settings.off_cpu);
  if (off_cpu == nullptr && cpu.hz == 0) return nullptr;
  return std::unique_ptr<ProfileProbes>(new ProfileProbes(std::move(sampler), std::move(off_cpu),
                                                          cpu.hz != 0, settings.follows_targets));
}

base::Result<void> ProfileProbes::begin() {
  begun_ = true;
  sampler_->begin();
  return off_cpu_ != nullptr ? off_cpu_->begin() : base::Result<void>{};
}

base::Result<void> ProfileProbes::on_second() {
  if (begun_ && off_cpu_ != nullptr && follows_targets_) {
    if (auto begun = off_cpu_->begin(); !begun) return begun;
  }
  return samples_cpus_ ? sampler_->follow_cpus() : base::Result<void>{};
}

uint64_t ProfileProbes::recursion_misses() const {
  return sampler_->recursion_misses() + (off_cpu_ ? off_cpu_->recursion_misses() : 0);
}

}  // namespace hostlens::probes
