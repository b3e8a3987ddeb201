// SPDX-License-Identifier: Apache-2.0
#include "web/span_json.h"

#include <nlohmann/json.hpp>

namespace hostlens::web {
namespace {

using nlohmann::json;

json attributes_json(const model::Attributes& attributes) {
  json object = json::object();
  for (const model::Attribute& attribute : attributes) {
    std::visit([&](const auto& value) { object[attribute.key] = value; }, attribute.value);
  }
  return object;
}

const char* kind_name(model::SpanKind kind) {
  switch (kind) {
    case model::SpanKind::kServer:
      return "server";
    case model::SpanKind::kClient:
      return "client";
    case model::SpanKind::kProducer:
      return "producer";
    case model::SpanKind::kConsumer:
      return "consumer";
    case model::SpanKind::kInternal:
      break;
  }
  return "internal";
}

const char* status_name(model::SpanStatus status) {
  if (status == model::SpanStatus::kError) return "error";
  return status == model::SpanStatus::kOk ? "ok" : "unset";
}

json span_json(const model::Span& span) {
  json object = {{"span_id", model::to_hex(span.context.span_id)},
                 {"name", span.name},
                 {"kind", kind_name(span.kind)},
                 {"status", status_name(span.status)},
                 {"start_unix_ns", span.start_unix_ns},
                 {"end_unix_ns", span.end_unix_ns},
                 {"attributes", attributes_json(span.attributes)}};
  if (span.parent_span_id != model::SpanId{}) {
    object["parent_span_id"] = model::to_hex(span.parent_span_id);
    object["parent_is_remote"] = span.parent_is_remote;
  }
  if (!span.status_message.empty()) object["status_message"] = span.status_message;
  if (span.process) {
    object["pid"] = span.process->key.pid;
    if (span.process->service) object["service"] = span.process->service->name;
  }
  json events = json::array();
  for (const model::SpanEvent& event : span.events) {
    events.push_back({{"unix_ns", event.unix_ns},
                      {"name", event.name},
                      {"attributes", attributes_json(event.attributes)}});
  }
  if (!events.empty()) object["events"] = std::move(events);
  return object;
}

}  // namespace

std::string to_json(const std::vector<RecentTrace>& traces) {
  json list = json::array();
  for (const RecentTrace& trace : traces) {
    json spans = json::array();
    for (const model::Span& span : trace.spans) spans.push_back(span_json(span));
    list.push_back({{"trace_id", model::to_hex(trace.trace_id)}, {"spans", std::move(spans)}});
  }
  const json document = {{"traces", std::move(list)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace hostlens::web
