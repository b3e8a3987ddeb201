// SPDX-License-Identifier: Apache-2.0
// What the supervisor of `hostlens profile` holds of the kernel: the sampler, and nothing else.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/capture.h"
#include "base/result.h"

namespace hostlens::agent {

struct ProfileCaptureSettings {
  uint32_t hz = 99;
  bool targets_only = false;  ///< else the whole host
  bool off_cpu = false;       ///< instead of samples of CPUs
  uint64_t threshold_ns = 1'000'000;
  bool wakers = false;  ///< who ends sleeps, too
};

/// kDenied: a privilege is missing; kUnsupported: this kernel cannot. Both with their remedy.
[[nodiscard]] base::Result<std::unique_ptr<Capture>> attach_profile_capture(
    const ProfileCaptureSettings& settings);

}  // namespace hostlens::agent
