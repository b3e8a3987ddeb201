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

/// "hostlens.fsync.duration, of xfs" is one of several that make a signal.
std::pair<std::string, std::string> name_and_scope(const std::string& served) {
  const size_t comma = served.find(kBetween);
  if (!served.starts_with("hostlens.") || comma == std::string::npos) return {served, {}};
  return {served.substr(0, comma), served.substr(comma + kBetween.size())};
}

SignalState state_of(const std::string& name, const std::map<std::string, Part>& probes) {
  SignalState state{name, "active", {}, {}, {}, {}};
  for (const auto& [probe, part] : probes) {
    join(state.hook, part.attached ? part.hooks : part.tried);
    if (part.attached) continue;
    state.state = "unavailable";
    join(state.reason, part.reason);
    join(state.remedy, part.remedy);
  }
  return state;
}

SignalState whole(const std::string& name, std::vector<SignalState> parts) {
  const bool active = std::any_of(parts.begin(), parts.end(),
                                  [](const SignalState& part) { return part.state == "active"; });
  SignalState state{name, active ? "active" : "unavailable", {}, {}, {}, {}};
  for (const SignalState& part : parts) {
    if (active && part.state != "active") continue;
    join(state.hook, part.hook);
    join(state.reason, part.reason);
    join(state.remedy, part.remedy);
  }
  if (parts.size() > 1 || !parts.front().name.empty()) state.parts = std::move(parts);
  return state;
}

}  // namespace

std::vector<SignalState> signal_states(const kernel::AttachReport& report) {
  // By signal, then by what of it, then by probe.
  std::map<std::string, std::map<std::string, std::map<std::string, Part>>> signals;
  for (const kernel::HookReport& hook : report.hooks) {
    for (const std::string& served : names_of(hook.signal)) {
      const auto [name, scope] = name_and_scope(served);
      Part& part = signals[name][scope][hook.probe];
      part.attached = part.attached || hook.attached;
      join(hook.attached ? part.hooks : part.tried, hook.hook);
      if (hook.attached) continue;
      join(part.reason, hook.reason);
      join(part.remedy, hook.remedy);
    }
  }
  std::vector<SignalState> states;
  for (const auto& [name, scopes] : signals) {
    std::vector<SignalState> parts;
    for (const auto& [scope, probes] : scopes) parts.push_back(state_of(scope, probes));
    states.push_back(whole(name, std::move(parts)));
  }
  return states;
}

void mark_switched_off(std::vector<SignalState>& states, const Configuration& configuration) {
  const auto switch_off = [&](std::string_view name, const char* reason, const char* remedy) {
    for (SignalState& state : states) {
      if (state.name != name || state.state != "active") continue;
      state.state = "off";
      state.reason = reason;
      state.remedy = remedy;
    }
  };
  if (configuration.syscall_burst_ns == 0) {
    switch_off("hostlens.syscall.duration", "signals.syscalls.burst is 0s",
               "`hostlens syscalls` observes on demand");
  }
  if (!configuration.profile.cpu) {
    switch_off("hostlens.profile.samples", "profile.cpu.enabled is false",
               "`hostlens profile` records on demand");
  }
  if (!configuration.profile.off_cpu) {
    switch_off("profiles off CPU", "profile.off_cpu.enabled is false",
               "`hostlens profile --off-cpu` records on demand");
  }
}

}  // namespace hostlens::agent
