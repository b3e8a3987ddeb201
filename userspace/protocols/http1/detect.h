// SPDX-License-Identifier: Apache-2.0
// Is this HTTP/1.x? Judged by the first bytes of a socket call.
#pragma once

#include <string_view>

#include "protocols/stream_parser.h"

namespace hostlens::protocols::http1 {

/// A method token of at most 20 upper-case letters (dash and underscore included) and then a
/// request-target's first byte. "PRI * HTTP/2.0", the HTTP/2 preface, is refused.
[[nodiscard]] Verdict detect_request(std::string_view bytes) noexcept;

/// A request with a registered method: what is asked of bytes behind a loss, where "ETE /" may be
/// all that is left of "DELETE /".
[[nodiscard]] bool starts_known_request(std::string_view bytes) noexcept;

/// "HTTP/1." digit, space, three digits.
[[nodiscard]] Verdict detect_response(std::string_view bytes) noexcept;

}  // namespace hostlens::protocols::http1
