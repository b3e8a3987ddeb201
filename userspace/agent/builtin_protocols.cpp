// SPDX-License-Identifier: Apache-2.0
#include "agent/builtin_protocols.h"

#include "protocols/http1/http1_parser.h"

namespace hostlens::agent {

protocols::ProtocolTable builtin_protocols() {
  static const protocols::ProtocolEntry kTable[] = {
      protocols::http1::http1_protocol(),
  };
  return kTable;
}

}  // namespace hostlens::agent
