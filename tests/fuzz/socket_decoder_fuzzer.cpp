// SPDX-License-Identifier: Apache-2.0
// Any bytes as records of both rings: nothing may be read outside of them.
#include <cstdint>
#include <cstdlib>

#include "decoders/socket_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace hostlens;
  const base::Bytes record{reinterpret_cast<const std::byte*>(bytes), size};
  model::SocketData data;
  if (decoders::decode_data(record, data) == decoders::DecodeStatus::kOk) {
    uint8_t sum = 0;
    for (const std::byte byte : data.payload) sum ^= static_cast<uint8_t>(byte);
    if (data.payload.size() > size || data.payload.size() > data.length) std::abort();
    [[maybe_unused]] static volatile uint8_t keep;  // so that the bytes are really read
    keep = sum;
  }
  model::ControlEvent control;
  if (decoders::decode_control(record, control) == decoders::DecodeStatus::kOk) {
    if (const auto* exec = std::get_if<model::ProcessExec>(&control)) {
      if (exec->comm.size() > 16) std::abort();
    }
  }
  return 0;
}
