// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "agent/capture.h"
#include "base/result.h"

namespace hostlens::agent {

/// The real CaptureFactory: loads and attaches the probes of this program.
[[nodiscard]] base::Result<std::unique_ptr<Capture>> attach_bpf_capture(
    const CaptureSettings& settings);

}  // namespace hostlens::agent
