// SPDX-License-Identifier: Apache-2.0
#include <unordered_map>

#include "exporters/otlp_json/encode_json.h"
#include "exporters/otlp_json/json_values.h"

namespace hostlens::exporters::otlp_json {
namespace {

// SpanFlags of the trace schema: the parent's place is known, and it is another process.
constexpr uint32_t kHasIsRemote = 0x100;
constexpr uint32_t kIsRemote = 0x200;

Json encode_span(const model::Span& span) {
  Json json = {{"traceId", model::to_hex(span.context.trace_id)},
               {"spanId", model::to_hex(span.context.span_id)}};
  if (!span.context.trace_state.empty()) json["traceState"] = span.context.trace_state;
  if (span.parent_span_id != model::SpanId{})
    json["parentSpanId"] = model::to_hex(span.parent_span_id);
  json["flags"] = span.context.flags | kHasIsRemote | (span.parent_is_remote ? kIsRemote : 0U);
  json["name"] = span.name;
  json["kind"] = static_cast<int>(span.kind);
  json["startTimeUnixNano"] = integer(span.start_unix_ns);
  json["endTimeUnixNano"] = integer(span.end_unix_ns);
  json["attributes"] = attributes(span.attributes);
  for (const model::SpanEvent& event : span.events) {
    json["events"].push_back({{"timeUnixNano", integer(event.unix_ns)},
                              {"name", event.name},
                              {"attributes", attributes(event.attributes)}});
  }
  json["status"] = Json::object();
  if (span.status != model::SpanStatus::kUnset) {
    json["status"]["code"] = static_cast<int>(span.status);
    if (!span.status_message.empty()) json["status"]["message"] = span.status_message;
  }
  return json;
}

}  // namespace

std::string encode_spans(const std::vector<std::shared_ptr<const model::SpanBatch>>& batches) {
  std::unordered_map<const model::Process*, size_t> places;
  Json groups = Json::array();
  for (const auto& batch : batches) {
    for (const model::Span& span : *batch) {
      const auto [place, added] = places.try_emplace(span.process.get(), groups.size());
      if (added) {
        groups.push_back(
            {{"resource", resource(span.process ? &span.process->resource : nullptr)},
             {"scopeSpans", Json::array({{{"scope", scope()}, {"spans", Json::array()}}})}});
      }
      groups[place->second]["scopeSpans"][0]["spans"].push_back(encode_span(span));
    }
  }
  return line({{"resourceSpans", std::move(groups)}});
}

}  // namespace hostlens::exporters::otlp_json
