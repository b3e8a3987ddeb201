// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/attribute.h"
#include "model/service.h"
#include "model/trace_context.h"

namespace hostlens::model {

enum class SpanKind : uint8_t {
  kInternal = 1,
  kServer = 2,
  kClient = 3,
  kProducer = 4,
  kConsumer = 5
};
enum class SpanStatus : uint8_t { kUnset = 0, kOk = 1, kError = 2 };

struct SpanEvent {
  uint64_t unix_ns = 0;
  std::string name;
  Attributes attributes;
};

/// A finished span, ready for any exporter. Immutable after creation; times are wall time.
struct Span {
  TraceContext context;
  SpanId parent_span_id{};
  bool parent_is_remote = false;
  SpanKind kind = SpanKind::kInternal;
  SpanStatus status = SpanStatus::kUnset;
  std::string status_message;
  std::string name;
  uint64_t start_unix_ns = 0;
  uint64_t end_unix_ns = 0;
  Attributes attributes;
  std::vector<SpanEvent> events;
  std::shared_ptr<const Process> process;  ///< carries the resource
};

using SpanBatch = std::vector<Span>;

}  // namespace hostlens::model
