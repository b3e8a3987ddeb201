// SPDX-License-Identifier: Apache-2.0
// Ring bytes of the socket probe -> events. Pure: no clock, no system calls, no state.
#pragma once

#include "base/byte_reader.h"
#include "decoders/decode_status.h"
#include "model/socket_event.h"

namespace hostlens::decoders {

/// A record of the data ring. `event.payload` points into `bytes`. Contract: bpf/records/socket.h.
[[nodiscard]] DecodeStatus decode_data(base::Bytes bytes, model::SocketData& event) noexcept;

/// A record of the control ring: bpf/records/{socket,process}.h.
[[nodiscard]] DecodeStatus decode_control(base::Bytes bytes, model::ControlEvent& event) noexcept;

}  // namespace hostlens::decoders
