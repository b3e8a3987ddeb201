// SPDX-License-Identifier: Apache-2.0
#include "agent/profile_configuration.h"

#include <array>
#include <charconv>
#include <cmath>

#include "kernel/sampling_event.h"

namespace hostlens::agent {
namespace {

using Value = ConfigurationValue;

constexpr uint64_t kMiB = 1024 * 1024;
constexpr uint64_t kUs = 1'000;
constexpr uint64_t kSecond = 1'000'000'000;

void read_scope(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  if (*text != "targets" && *text != "host") return value.fail("\"" + *text + "\" is neither");
  configuration.profile.whole_host = *text == "host";
}

void read_cpu_budget(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  double percent = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, percent);
  const bool is_percent = error == std::errc{} && end - rest == 1 && *rest == '%';
  if (!is_percent || !std::isfinite(percent) || percent < 0.1 || percent > 100) {
    return value.fail("\"" + *text + "\" is no share of a core");
  }
  configuration.profile.cpu_budget = percent / 100;
}

const std::array kKeys = {
    ConfigurationKey{"profile.cpu.enabled", "true or false", "true",
                     "Whether stacks of what runs are sampled.", false,
                     [](Value& v, Configuration& c) { v.read(c.profile.cpu); }},
    ConfigurationKey{"profile.cpu.hz", "1 to 999", "19", "Samples of each busy CPU in a second.",
                     false,
                     [](Value& v, Configuration& c) {
                       v.read_count(c.profile.hz, 1, kernel::SamplingEvents::kMostHz);
                     }},
    ConfigurationKey{"profile.off_cpu.enabled", "true or false", "false",
                     "Whether stacks of what waits are taken too, with the cause of the wait.",
                     false, [](Value& v, Configuration& c) { v.read(c.profile.off_cpu); }},
    ConfigurationKey{"profile.off_cpu.threshold", "a duration, 1us to 1h", "1ms",
                     "Waits below it are summed without a stack of their own.", false,
                     [](Value& v, Configuration& c) {
                       v.read_duration(c.profile.off_cpu_threshold_ns, kUs, 3600 * kSecond);
                     }},
    ConfigurationKey{"profile.scope", "targets or host", "targets",
                     "Whose stacks: those of targets, or of every process and of the kernel.",
                     false, read_scope},
    ConfigurationKey{"profile.limits.cpu", "a share of one core, 0.1% to 100%", "1%",
                     "Above it fewer samples are taken, each standing for more.", true,
                     read_cpu_budget},
    ConfigurationKey{
        "profile.limits.tables", "8MiB to 512MiB", "64MiB",
        "Of the kernel's memory, for what stacks are unwound by; tables of files that were not "
        "sampled for the longest time go first.",
        false,
        [](Value& v, Configuration& c) {
          v.read_size(c.profile.table_bytes, 8 * kMiB, 512 * kMiB);
        }},
    ConfigurationKey{
        "profile.limits.stacks", "1MiB to 256MiB", "16MiB",
        "Memory of one interval's profile; what finds no room is counted in the stack "
        "[other].",
        true,
        [](Value& v, Configuration& c) { v.read_size(c.profile.stack_bytes, kMiB, 256 * kMiB); }},
    ConfigurationKey{
        "profile.limits.functions", "0 to 1000", "20",
        "Functions of each service in hostlens.profile.cpu.time, those with the most "
        "CPU time.",
        true, [](Value& v, Configuration& c) { v.read_count(c.profile.functions, 0, 1000); }},
};

}  // namespace

std::span<const ConfigurationKey> profile_configuration_keys() { return kKeys; }

}  // namespace hostlens::agent
