// SPDX-License-Identifier: Apache-2.0
#include "processors/redaction.h"

#include <algorithm>

namespace hostlens::processors {
namespace {

constexpr std::string_view kRedacted = "REDACTED";

}  // namespace

std::string redact_query(std::string_view query, const QueryRedaction& settings) {
  if (query.empty() || (settings.mode == QueryMode::kDrop && settings.allow.empty())) return {};
  std::string shown;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const bool allowed =
        std::find(settings.allow.begin(), settings.allow.end(), key) != settings.allow.end();
    if (pair.empty() || (!allowed && settings.mode == QueryMode::kDrop)) continue;
    if (!shown.empty()) shown += '&';
    if (allowed) {
      shown += pair;
    } else if (equals == std::string_view::npos) {
      shown += kRedacted;  // a bare token may be the secret itself
    } else {
      shown.append(key).append("=").append(kRedacted);
    }
  }
  return shown;
}

void redact(model::HttpMessage& http, const QueryRedaction& settings) {
  if (!http.query.empty()) http.query = redact_query(http.query, settings);
}

}  // namespace hostlens::processors
