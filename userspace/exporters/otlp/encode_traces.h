// SPDX-License-Identifier: Apache-2.0
// Spans -> ExportTraceServiceRequest.
#pragma once

#include <memory>

#include "exporters/otlp/encoded_request.h"
#include "model/span.h"

namespace hostlens::exporters::otlp {

/// Collects spans by process: each process's resource is sent once per request. A span is encoded
/// through one reused message straight into its process's bytes, so that memory is the bytes and
/// one span.
class TraceEncoder {
 public:
  explicit TraceEncoder(size_t limit_bytes = kRequestBytes);
  ~TraceEncoder();

  void add(const model::Span& span);
  [[nodiscard]] uint64_t spans() const;
  /// The next span may not fit: take `finish` first. (One span is bounded far below the limit.)
  [[nodiscard]] bool full() const;
  /// What was added since the last call. No spans: an empty body, which must not be sent.
  [[nodiscard]] EncodedRequest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hostlens::exporters::otlp
