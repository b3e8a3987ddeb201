// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace hostlens::exporters::otlp {

/// Body of one Export*ServiceRequest, not compressed.
struct EncodedRequest {
  std::string body;
  uint64_t items = 0;  ///< spans or data points
};

/// Receivers commonly refuse 4 MiB (the gRPC default) and answer with "never again": stay below.
inline constexpr size_t kRequestBytes = 3U << 20;

}  // namespace hostlens::exporters::otlp
