// SPDX-License-Identifier: Apache-2.0
// Takes secrets out of request-targets before an exchange leaves the connection tracker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/exchange.h"

namespace hostlens::processors {

enum class QueryMode : uint8_t {
  kDrop,    ///< no query at all, except the keys in `allow`
  kRedact,  ///< every key, with REDACTED for its value, except the keys in `allow`
};

struct QueryRedaction {
  QueryMode mode = QueryMode::kDrop;
  std::vector<std::string> allow;  ///< keys whose values are kept, compared as sent
};

/// The query that may be shown, without "?".
[[nodiscard]] std::string redact_query(std::string_view query, const QueryRedaction& settings);

/// Replaces `query` of `http`.
void redact(model::HttpMessage& http, const QueryRedaction& settings);

}  // namespace hostlens::processors
