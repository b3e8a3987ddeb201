// SPDX-License-Identifier: Apache-2.0
#include "agent/signal_states.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace hostlens::agent {
namespace {

constexpr std::string_view kBetween = ", ";
/// Names of metrics begin so; what else a probe says of itself may have a comma within.
constexpr std::string_view kBetweenNames = ", hostlens.";

/// What one probe does for one signal.
struct Part {
  bool attached = false;
  std::string hooks;  ///< attached ones
  std::string tried;
  std::string reason;
  std::string remedy;
};

void join(std::string& list, std::string_view more) {
  if (more.empty() || list.find(more) != std::string::npos) return;
  list += (list.empty() ? std::string_view() : kBetween);
  list += more;
}

std::vector<std::string> names_of(std::string_view signals) {
  std::vector<std::string> names;
  while (!signals.empty()) {
    const size_t end = signals.find(kBetweenNames);
    names.emplace_back(signals.substr(0, end));
    signals =
        end == std::string_view::npos ? std::string_view() : signals.substr(end + kBetween.size());
  }
  return names;
}

}  // namespace

std::vector<SignalState> signal_states(const kernel::AttachReport& report) {
  std::map<std::string, std::map<std::string, Part>> parts;  // by signal, then by probe
  for (const kernel::HookReport& hook : report.hooks) {
    for (const std::string& name : names_of(hook.signal)) {
      Part& part = parts[name][hook.probe];
      part.attached = part.attached || hook.attached;
      join(hook.attached ? part.hooks : part.tried, hook.hook);
      if (hook.attached) continue;
      join(part.reason, hook.reason);
      join(part.remedy, hook.remedy);
    }
  }
  std::vector<SignalState> states;
  for (const auto& [name, probes] : parts) {
    SignalState state{name, "active", {}, {}, {}};
    for (const auto& [probe, part] : probes) {
      join(state.hook, part.attached ? part.hooks : part.tried);
      if (part.attached) continue;
      state.state = "unavailable";
      join(state.reason, part.reason);
      join(state.remedy, part.remedy);
    }
    states.push_back(std::move(state));
  }
  return states;
}

std::vector<SignalState> unavailable_metrics(const kernel::AttachReport& report) {
  std::map<std::string, SignalState> metrics;
  for (SignalState& part : signal_states(report)) {
    part.name.resize(std::min(part.name.find(kBetween), part.name.size()));
    const auto [known, first] = metrics.try_emplace(part.name, part);
    if (first) continue;
    if (part.state == "active") known->second.state = part.state;
    join(known->second.reason, part.reason);
    join(known->second.remedy, part.remedy);
  }
  std::vector<SignalState> out;
  for (auto& [name, metric] : metrics) {
    if (metric.state != "active") out.push_back(std::move(metric));
  }
  return out;
}

}  // namespace hostlens::agent
