// SPDX-License-Identifier: Apache-2.0
// Any bytes as the target of each type of check, and as the body of a gRPC answer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "checks/grpc_health.h"
#include "checks/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hostlens::checks;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto type = static_cast<CheckType>(data[0] % kTypeNames.size());
  if (const auto target = parse_target(type, text)) {
    if (target->host.empty() && target->text.empty()) std::abort();
    if (target->text.find('\n') != std::string::npos || target->limit < 0) std::abort();
    const bool has_port =
        type == CheckType::kTcp || type == CheckType::kTls || type == CheckType::kGrpc;
    if (has_port != (target->port != 0)) std::abort();
  } else if (target.error().message.empty()) {
    std::abort();
  }
  if (const auto status = grpc_health_status(text); status && status->empty()) std::abort();
  return 0;
}
