// SPDX-License-Identifier: Apache-2.0
// What came of attaching probes, for `doctor`, /api/v1/status and one line of log each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hostlens::kernel {

/// One signal of a probe ("socket data", "connection life", ...), by one of several hooks.
struct HookReport {
  std::string probe;   ///< "socket"
  std::string signal;  ///< what is lost without it
  std::string hook;    ///< "tp_btf/sock_send_length", or the one that was tried
  bool attached = false;
  bool chosen = false;  ///< attached and in use; a variant that was not needed is neither
  std::string reason;   ///< why not
  std::string remedy;   ///< what the operator can do, when something is known
};

struct AttachReport {
  std::string socket_variant;  ///< "tracepoint", "fexit", "sys_exit"
  std::vector<HookReport> hooks;
  /// What this kernel calls its reasons to drop packets (enum skb_drop_reason), by number.
  std::map<uint32_t, std::string> packet_drop_reasons{};
};

}  // namespace hostlens::kernel
