// SPDX-License-Identifier: Apache-2.0
// One rule per signal: what of a record is judged, against which thresholds, in which words.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "health/records.h"
#include "health/settings.h"
#include "health/signal_id.h"

namespace hostlens::health {

struct Finding {
  std::string subject;          ///< what of several: a mount, a peer; "" when there is one
  std::optional<double> value;  ///< nullopt: it should be there and is not
  Levels levels;
  std::string text;
  std::optional<double> judged;     ///< instead of `value`: when that is of too few to count
  std::optional<double> threshold;  ///< shown instead of the crossed one
  bool at_once = false;             ///< it counts itself already: no hold, no recovery time
};
using Findings = std::vector<Finding>;

struct RuleContext {
  const HealthSettings& settings;
  uint64_t now_ns = 0;
  uint64_t stale_ns = 0;      ///< what was not read for so long is unknown
  uint64_t processes_ns = 0;  ///< when processes were read last, 0: never
};

/// No finding: the signal does not apply here.
struct ServiceRule {
  SignalId id;
  void (*find)(ServiceRecord& record, const RuleContext& context, Findings& findings);
};
struct HostRule {
  SignalId id;
  void (*find)(HostRecord& host, const RuleContext& context, Findings& findings);
  const char* why_absent;  ///< when it does not apply; nullptr: nothing is missing then
};

[[nodiscard]] std::span<const ServiceRule> service_rules();
[[nodiscard]] std::span<const HostRule> host_rules();

/// The oom signal, of a service or of the host (saturation_rules.cpp).
[[nodiscard]] Finding oom_finding(const OomMemory& oom, const RuleContext& context);

// service_rules.cpp lists these (traffic_rules.cpp, saturation_rules.cpp).
void find_up(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_restarts(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_error_ratio(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_latency(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_dependency(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_cpu_throttling(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_runqueue(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_file_descriptors(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_threads(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_memory(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_accept_queue(ServiceRecord& record, const RuleContext& context, Findings& findings);
void find_oom(ServiceRecord& record, const RuleContext& context, Findings& findings);

}  // namespace hostlens::health
