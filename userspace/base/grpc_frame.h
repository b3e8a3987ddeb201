// SPDX-License-Identifier: Apache-2.0
// How gRPC frames a message in a body of HTTP/2: a byte that says whether it is compressed, then
// its length, big-endian (grpc/doc/PROTOCOL-HTTP2.md). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hostlens::base {

[[nodiscard]] std::string grpc_frame(std::string_view message);

/// The first message of a body; nullopt: there is none, it is cut, or it is compressed.
[[nodiscard]] std::optional<std::string_view> grpc_message(std::string_view body);

}  // namespace hostlens::base
