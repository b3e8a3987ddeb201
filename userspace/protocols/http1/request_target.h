// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "model/exchange.h"

namespace hostlens::protocols::http1 {

/// Splits a request-target (RFC 9112 3.2: origin, absolute, authority and asterisk form) into the
/// fields of `http`, keeping at most `limit` bytes of it. An absolute form's authority goes to
/// `host`, without user information.
void split_target(std::string_view target, size_t limit, model::HttpMessage& http);

}  // namespace hostlens::protocols::http1
