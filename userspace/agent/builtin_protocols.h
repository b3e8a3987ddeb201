// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocols/stream_parser.h"

namespace hostlens::agent {

/// Every protocol this program knows; earlier ones win a guess.
[[nodiscard]] protocols::ProtocolTable builtin_protocols();

}  // namespace hostlens::agent
