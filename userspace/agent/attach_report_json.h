// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernel/attach_report.h"

namespace hostlens::agent {

/// {"socket_variant": ..., "hooks": [{probe, signal, hook, attached, chosen, reason, remedy}],
/// "packet_drop_reasons": {number: name}}:
/// what /api/v1/status and `doctor --json` show of the probes.
[[nodiscard]] std::string attach_report_json(const kernel::AttachReport& report);

/// The variant in such a document, "" when there is none.
[[nodiscard]] std::string socket_variant_of(const std::string& report_json);

/// The kernel's names of its reasons to drop packets in such a document.
[[nodiscard]] std::map<uint32_t, std::string> packet_drop_reasons_of(
    const std::string& report_json);

/// The hooks in such a document.
[[nodiscard]] std::vector<kernel::HookReport> hooks_of(const std::string& report_json);

}  // namespace hostlens::agent
