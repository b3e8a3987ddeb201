// SPDX-License-Identifier: Apache-2.0
#include "agent/health_configuration.h"

#include <array>
#include <cmath>

#include "health/signal_id.h"

namespace hostlens::agent {
namespace {

using health::HealthSettings;
using health::Levels;
using Value = ConfigurationValue;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kDay = 86'400 * kSecond;

constexpr std::string_view kShares = "two percentages, such as 5%, 25%";
constexpr std::string_view kCounts = "two numbers, such as 1, 3";
constexpr std::string_view kFalling = "two durations, the first the longer one";
constexpr std::string_view kRising = "two durations, the second the longer one";

template <Levels HealthSettings::*kLevels>
void shares(Value& value, Configuration& configuration) {
  value.read_levels(configuration.health.*kLevels, LevelUnit::kPercent, true);
}
/// Low values are bad.
template <Levels HealthSettings::*kLevels>
void low_shares(Value& value, Configuration& configuration) {
  value.read_levels(configuration.health.*kLevels, LevelUnit::kPercent, false);
}
template <Levels HealthSettings::*kLevels>
void counts(Value& value, Configuration& configuration) {
  value.read_levels(configuration.health.*kLevels, LevelUnit::kCount, true);
}
template <Levels HealthSettings::*kLevels>
void rising(Value& value, Configuration& configuration) {
  value.read_levels(configuration.health.*kLevels, LevelUnit::kSeconds, true);
}
template <Levels HealthSettings::*kLevels>
void falling(Value& value, Configuration& configuration) {
  value.read_levels(configuration.health.*kLevels, LevelUnit::kSeconds, false);
}
template <uint64_t HealthSettings::*kDuration, uint64_t kLeast, uint64_t kMost>
void duration(Value& value, Configuration& configuration) {
  value.read_duration(configuration.health.*kDuration, kLeast, kMost);
}

void read_off(Value& value, Configuration& configuration) {
  value.read_texts(configuration.health.off);
  for (std::string& name : configuration.health.off) {
    bool known = false;
    for (const std::string_view signal : health::kSignalNames) known |= signal == name;
    if (!known) value.fail("\"" + name + "\" is no signal");
  }
}

void read_days(Value& value, Configuration& configuration) {
  Levels seconds;
  value.read_levels(seconds, LevelUnit::kSeconds, false);
  if (seconds == Levels{}) return;
  configuration.health.certificate_days = {seconds.degraded / 86400, seconds.failing / 86400};
}

void read_latency_floor(Value& value, Configuration& configuration) {
  uint64_t floor_ns = UINT64_MAX;
  value.read_duration(floor_ns, 0, 3600 * kSecond);
  if (floor_ns != UINT64_MAX) {
    configuration.health.latency_floor = static_cast<double>(floor_ns) / 1e9;
  }
}

using H = HealthSettings;

constexpr std::array kKeys = {
    ConfigurationKey{
        "checks",
        "a list of mappings of name, type, target or command, interval, timeout, failures", "[]",
        "What the agent asks by itself: see Checks.", true,
        [](Value& v, Configuration& c) { v.read_checks(c.checks); }},
    ConfigurationKey{"health.off", "a list of signals", "[]", "Signals that are not judged.", true,
                     read_off},
    ConfigurationKey{"health.hold", "a duration, 0s to 1h", "10s",
                     "How long a value must be beyond a threshold before the state gets worse.",
                     true, duration<&H::hold_ns, 0, 3600 * kSecond>},
    ConfigurationKey{"health.recovery", "a duration, 0s to 1h", "20s",
                     "How long it must be back, by a tenth, before the state gets better.", true,
                     duration<&H::recovery_ns, 0, 3600 * kSecond>},
    ConfigurationKey{"health.forget", "a duration, 1m to 30d", "1h",
                     "How long a service that is down is told of.", true,
                     duration<&H::forget_ns, 60 * kSecond, 30 * kDay>},
    ConfigurationKey{"health.window", "a duration, 6s to 10m", "30s",
                     "Over which error_ratio, latency and dependency look back.", true,
                     duration<&H::window_ns, 6 * kSecond, 600 * kSecond>},
    ConfigurationKey{
        "health.requests", "1 to 1000000", "10",
        "Requests that the window must have, else twice the window is taken.", true,
        [](Value& v, Configuration& c) { v.read_count(c.health.requests, 1, 1'000'000); }},
    ConfigurationKey{"health.error_ratio", kShares, "5%, 25%",
                     "Share of a service's requests that fail, at least three of them.", true,
                     shares<&H::error_ratio>},
    ConfigurationKey{"health.latency", kCounts, "2, 5",
                     "How many times the learnt baseline the 95th percentile may be.", true,
                     counts<&H::latency>},
    ConfigurationKey{"health.latency_floor", "a duration, 0s to 1h", "10ms",
                     "Slower than the baseline by less is never bad.", true, read_latency_floor},
    ConfigurationKey{"health.latency_relearn", "a duration, 1m to 30d", "1h",
                     "Slow for so long is the new baseline.", true,
                     duration<&H::latency_relearn_ns, 60 * kSecond, 30 * kDay>},
    ConfigurationKey{"health.restarts", kCounts, "2, 5", "Restarts within restarts_window.", true,
                     counts<&H::restarts>},
    ConfigurationKey{"health.restarts_window", "a duration, 20s to 24h", "10m",
                     "Over which restarts are counted.", true,
                     duration<&H::restarts_window_ns, 20 * kSecond, kDay>},
    ConfigurationKey{"health.cpu_throttling", kShares, "25%, 75%",
                     "Share of periods in which a CPU limit stopped the service.", true,
                     shares<&H::cpu_throttling>},
    ConfigurationKey{"health.runqueue", kRising, "20ms, 100ms",
                     "95th percentile of the wait for a CPU.", true, rising<&H::runqueue>},
    ConfigurationKey{"health.file_descriptors", kShares, "80%, 95%",
                     "Of the soft limit, in the process that is nearest to it.", true,
                     shares<&H::file_descriptors>},
    ConfigurationKey{"health.threads", kShares, "80%, 95%",
                     "Of the cgroup's limit, and of the user's.", true, shares<&H::threads>},
    ConfigurationKey{"health.memory", kShares, "90%, 97%",
                     "Of the cgroup's limit, without what can be given back.", true,
                     shares<&H::memory>},
    ConfigurationKey{"health.accept_queue", kShares, "80%, 100%",
                     "Of a listener's backlog, of connections that wait to be accepted.", true,
                     shares<&H::accept_queue>},
    ConfigurationKey{"health.accept_overflows", kCounts, "1, 100",
                     "Connections a minute that found the backlog full.", true,
                     counts<&H::accept_overflows>},
    ConfigurationKey{"health.dependency", kShares, "10%, 50%",
                     "Share of requests to one server, or of connects, that fail.", true,
                     shares<&H::dependency>},
    ConfigurationKey{"health.certificate", kFalling, "21d, 7d",
                     "What a certificate that a check sees must still last.", true, read_days},
    ConfigurationKey{"health.disk_space", kShares, "90%, 97%",
                     "Used, of what users without privileges could use.", true,
                     shares<&H::disk_space>},
    ConfigurationKey{"health.inodes", kShares, "90%, 97%", "Used inodes.", true,
                     shares<&H::inodes>},
    ConfigurationKey{"health.time_left", kFalling, "24h, 4h",
                     "Until a disk or its inodes are full, by the last hour's trend.", true,
                     falling<&H::time_left>},
    ConfigurationKey{"health.memory_pressure", kShares, "5%, 20%",
                     "Share of a minute in which all tasks stood still for memory.", true,
                     shares<&H::memory_pressure>},
    ConfigurationKey{"health.memory_available", "two percentages, the first the larger one",
                     "5%, 2%", "Of the host's memory that is left.", true,
                     low_shares<&H::memory_available>},
    ConfigurationKey{"health.oom", kCounts, "1, 3", "Kills for want of memory within oom_window.",
                     true, counts<&H::oom>},
    ConfigurationKey{"health.oom_window", "a duration, 20s to 24h", "5m",
                     "Over which kills are counted.", true,
                     duration<&H::oom_window_ns, 20 * kSecond, kDay>},
    ConfigurationKey{"health.clock", kRising, "100ms, 1s",
                     "By which a clock that is kept right may be off.", true,
                     rising<&H::clock_offset>},
    ConfigurationKey{"health.units", kCounts, "1, 3", "systemd units that failed.", true,
                     counts<&H::units>},
    ConfigurationKey{"health.conntrack", kShares, "80%, 95%",
                     "Of the connections that netfilter can track.", true, shares<&H::conntrack>},
    ConfigurationKey{"health.agent_loss", kShares, "1%, 10%",
                     "Share of a stage's records that the agent lost within a minute.", true,
                     shares<&H::agent_loss>},
};

}  // namespace

std::span<const ConfigurationKey> health_configuration_keys() { return kKeys; }

}  // namespace hostlens::agent
