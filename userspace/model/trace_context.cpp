// SPDX-License-Identifier: Apache-2.0
#include "model/trace_context.h"

namespace hostlens::model {
namespace {

template <typename Id>
std::string hex(const Id& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(id.size() * 2);
  for (const uint8_t byte : id) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0xFU]);
  }
  return text;
}

}  // namespace

std::string to_hex(const TraceId& id) { return hex(id); }
std::string to_hex(const SpanId& id) { return hex(id); }

}  // namespace hostlens::model
