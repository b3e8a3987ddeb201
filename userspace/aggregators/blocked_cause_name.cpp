// SPDX-License-Identifier: Apache-2.0
#include "aggregators/blocked_cause_name.h"

#include "records/signal.h"

namespace hostlens::aggregators {

const char* blocked_cause_name(uint32_t cause) {
  switch (cause) {
    case BLOCKED_DISK:
      return "disk";
    case BLOCKED_NETWORK:
      return "network";
    case BLOCKED_LOCK:
      return "lock";
    case BLOCKED_TIMER:
      return "timer";
    case BLOCKED_PAGE_FAULT:
      return "page_fault";
    case BLOCKED_POLL:
      return "poll";
    case BLOCKED_IPC:
      return "ipc";
    case BLOCKED_WAIT:
      return "wait";
    default:
      return "other";
  }
}

}  // namespace hostlens::aggregators
