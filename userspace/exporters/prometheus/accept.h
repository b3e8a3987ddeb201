// SPDX-License-Identifier: Apache-2.0
// Which exposition format an Accept header asks for (RFC 9110, section 12.5.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hostlens::exporters::prometheus {

enum class Format : uint8_t { kText, kOpenMetrics, kProtobuf };

struct Negotiated {
  Format format = Format::kText;
  std::string content_type;
};

/// The format with the highest q; among equals the one named first; text 0.0.4 when nothing fits.
/// Of a longer header only the first kMaxAcceptBytes are read. A range that asks for an `escaping`
/// gets "underscores": our names are legacy names, which read the same under every scheme.
[[nodiscard]] Negotiated negotiate(std::string_view accept);

inline constexpr size_t kMaxAcceptBytes = 4096;  ///< Prometheus 3 sends 300

}  // namespace hostlens::exporters::prometheus
