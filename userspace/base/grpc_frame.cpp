// SPDX-License-Identifier: Apache-2.0
#include "base/grpc_frame.h"

#include <cstdint>

namespace hostlens::base {
namespace {

constexpr size_t kPrefix = 5;

}  // namespace

std::string grpc_frame(std::string_view message) {
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += static_cast<char>(message.size() >> static_cast<unsigned>(shift) & 0xFFU);
  }
  return out.append(message);
}

std::optional<std::string_view> grpc_message(std::string_view body) {
  if (body.size() < kPrefix || body[0] != 0) return std::nullopt;
  size_t size = 0;
  for (size_t i = 1; i < kPrefix; ++i) size = size << 8U | static_cast<uint8_t>(body[i]);
  body.remove_prefix(kPrefix);
  if (size > body.size()) return std::nullopt;
  return body.substr(0, size);
}

}  // namespace hostlens::base
