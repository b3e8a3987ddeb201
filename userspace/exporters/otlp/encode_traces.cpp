// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_traces.h"

#include <unordered_map>

#include "base/utf8.h"
#include "exporters/otlp/attribute_writer.h"
#include "exporters/otlp/encode_attributes.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"

namespace hostlens::exporters::otlp {
namespace {

namespace trace = opentelemetry::proto::trace::v1;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;

constexpr uint32_t kAttributeTag = length_delimited(trace::Span::kAttributesFieldNumber);
constexpr uint32_t kSpanTag = length_delimited(trace::ScopeSpans::kSpansFieldNumber);
constexpr uint32_t kScopeSpansTag = length_delimited(trace::ResourceSpans::kScopeSpansFieldNumber);
constexpr uint32_t kResourceSpansTag =
    length_delimited(ExportTraceServiceRequest::kResourceSpansFieldNumber);

template <typename Id>
void assign_id(std::string& out, const Id& id) {
  out.assign(reinterpret_cast<const char*>(id.data()), id.size());
}

/// All but the attributes.
void encode_span(const model::Span& span, trace::Span& out) {
  out.Clear();  // keeps what was allocated
  assign_id(*out.mutable_trace_id(), span.context.trace_id);
  assign_id(*out.mutable_span_id(), span.context.span_id);
  if (span.parent_span_id != model::SpanId{}) {
    assign_id(*out.mutable_parent_span_id(), span.parent_span_id);
  }
  uint32_t flags = span.context.flags | trace::SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK;
  if (span.parent_is_remote) flags |= trace::SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK;
  out.set_flags(flags);
  base::assign_utf8(*out.mutable_trace_state(), span.context.trace_state);
  base::assign_utf8(*out.mutable_name(), span.name);
  out.set_kind(static_cast<trace::Span::SpanKind>(span.kind));
  out.set_start_time_unix_nano(span.start_unix_ns);
  out.set_end_time_unix_nano(span.end_unix_ns);
  for (const model::SpanEvent& event : span.events) {
    auto& encoded = *out.add_events();
    encoded.set_time_unix_nano(event.unix_ns);
    base::assign_utf8(*encoded.mutable_name(), event.name);
    encode(event.attributes, *encoded.mutable_attributes());
  }
  if (span.status != model::SpanStatus::kUnset) {
    out.mutable_status()->set_code(static_cast<trace::Status::StatusCode>(span.status));
    base::assign_utf8(*out.mutable_status()->mutable_message(), span.status_message);
  }
}

}  // namespace

struct TraceEncoder::Impl {
  struct Group {
    std::string resource;  ///< ResourceSpans with its resource alone
    std::string scope;     ///< ScopeSpans: the scope, then the spans
  };

  explicit Impl(size_t limit) : limit_bytes(limit) {
    trace::ScopeSpans scope;
    encode_scope(*scope.mutable_scope());
    scope_prefix = scope.SerializeAsString();
  }

  Group& group_of(const model::Process* process) {
    if (last != nullptr && process == last_process) return *last;
    const auto [found, added] = groups.try_emplace(process);
    Group& group = found->second;
    if (added) {
      trace::ResourceSpans resource;
      resource.mutable_resource();
      if (process != nullptr) {
        encode(process->resource, *resource.mutable_resource()->mutable_attributes());
      }
      group.resource = resource.SerializeAsString();
      group.scope = scope_prefix;
      // Two headers of at most 6 bytes each.
      bytes += group.resource.size() + group.scope.size() + 12;
    }
    last_process = process;
    last = &group;
    return group;
  }

  const size_t limit_bytes;
  std::string scope_prefix;
  std::unordered_map<const model::Process*, Group> groups;
  const model::Process* last_process = nullptr;
  Group* last = nullptr;
  trace::Span scratch;
  std::string attributes;  ///< of one span
  uint64_t spans = 0;
  size_t bytes = 0;
};

TraceEncoder::TraceEncoder(size_t limit_bytes) : impl_(std::make_unique<Impl>(limit_bytes)) {}
TraceEncoder::~TraceEncoder() = default;

void TraceEncoder::add(const model::Span& span) {
  Impl::Group& group = impl_->group_of(span.process.get());
  encode_span(span, impl_->scratch);
  const size_t before = group.scope.size();
  std::string& attributes = impl_->attributes;
  attributes.clear();
  append_attributes(attributes, kAttributeTag, span.attributes);
  append_header(group.scope, kSpanTag, impl_->scratch.ByteSizeLong() + attributes.size());
  impl_->scratch.AppendPartialToString(&group.scope);
  group.scope += attributes;  // fields of a message may come in any order
  impl_->bytes += group.scope.size() - before;
  ++impl_->spans;
}

uint64_t TraceEncoder::spans() const { return impl_->spans; }

bool TraceEncoder::full() const {
  constexpr size_t kRoomForOne = 64U << 10;
  return impl_->spans != 0 && impl_->bytes + kRoomForOne > impl_->limit_bytes;
}

EncodedRequest TraceEncoder::finish() {
  EncodedRequest request;
  request.items = impl_->spans;
  request.body.reserve(impl_->bytes);
  for (const auto& [process, group] : impl_->groups) {
    const size_t scope_bytes =
        header_bytes(kScopeSpansTag, group.scope.size()) + group.scope.size();
    append_header(request.body, kResourceSpansTag, group.resource.size() + scope_bytes);
    request.body += group.resource;
    append_header(request.body, kScopeSpansTag, group.scope.size());
    request.body += group.scope;
  }
  impl_->groups.clear();
  impl_->last = nullptr;
  impl_->last_process = nullptr;
  impl_->spans = 0;
  impl_->bytes = 0;
  return request;
}

}  // namespace hostlens::exporters::otlp
