// SPDX-License-Identifier: Apache-2.0
// `hostlens doctor`: what this kernel and this user allow, tried rather than guessed.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agent/attach_report_json.h"
#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/loaded_configuration.h"
#include "agent/profile_languages.h"
#include "agent/signal_states.h"
#include "agent/version.h"
#include "base/web_transfer.h"
#include "kernel/features.h"
#include "probes/kernel_probes.h"
#include "probes/socket_probe.h"
#include "symbols/debuginfod/debug_servers.h"

namespace hostlens::agent {
namespace {

using nlohmann::json;

/// Enough for a trial; nothing is read from it.
constexpr uint32_t kTrialRingBytes = 65536;
constexpr const char* kServiceConfiguration = "/etc/hostlens/hostlens.yaml";

/// Of symbols.debuginfod.urls.
struct AskedServer {
  std::string url;      ///< without what may be secret
  std::string problem;  ///< "": it answers
};

struct Examination {
  kernel::Features features;
  kernel::AttachReport report;   ///< of the socket probe
  kernel::AttachReport signals;  ///< of kernel signals
  std::optional<base::Error> refused;
  Configuration configuration;
  std::vector<RunningLanguage> languages;
  std::vector<AskedServer> debug_servers;
  std::vector<std::string> notes;

  [[nodiscard]] std::vector<SignalState> states(const kernel::AttachReport& of) const {
    std::vector<SignalState> states = signal_states(of);
    mark_switched_off(states, configuration);
    return states;
  }
};

std::vector<AskedServer> ask_debug_servers(const DebuginfodSettings& settings) {
  constexpr uint64_t kPatienceNs = 5'000'000'000;
  std::vector<AskedServer> servers;
  for (const std::string& url : settings.urls) {
    const auto shown = base::shown_url(url);
    const auto answer = symbols::DebugServers::probe(url, kPatienceNs);
    servers.push_back({shown ? *shown : std::string("?"), answer ? "" : answer.error().text()});
  }
  return servers;
}

Examination examine(Configuration configuration) {
  Examination out;
  out.configuration = std::move(configuration);
  out.features = kernel::read_features();
  probes::ProfileProbesSettings profile;
  profile.cpu.targets_only = true;
  profile.cpu.ring_bytes = kTrialRingBytes;
  profile.off_cpu.emplace().targets_only = true;
  const auto kernel = probes::KernelProbes::attach(out.signals, profile);
  probes::SocketProbeSettings settings;
  settings.shared = &kernel->maps();
  settings.control_ring_bytes = kTrialRingBytes;
  settings.data_ring_bytes = kTrialRingBytes;
  settings.report_all_processes = false;
  auto probe = probes::SocketProbe::attach(settings);
  if (probe) {
    out.report = (*probe)->report();
  } else {
    out.refused = std::move(probe).error();
  }
  if (out.report.socket_variant == "sys_exit") {
    out.notes.emplace_back(
        "the sys_exit variant tests a bit on every system call of this host; Linux 6.3 has cheaper "
        "hooks");
  }
  out.languages = running_languages();
  out.debug_servers = ask_debug_servers(out.configuration.debuginfod);
  int major = 0;
  if (std::sscanf(out.features.release.c_str(), "%d.", &major) == 1 && major < 6) {
    out.notes.emplace_back(
        "before Linux 6.0 a process without CAP_BPF cannot use maps by descriptor: the worker "
        "keeps it");
  }
  return out;
}

kernel::AttachReport all_hooks(const Examination& out) {
  kernel::AttachReport all = out.report;
  all.hooks.insert(all.hooks.end(), out.signals.hooks.begin(), out.signals.hooks.end());
  return all;
}

json as_json(const SignalState& signal) {
  json object = {{"name", signal.name},
                 {"state", signal.state},
                 {"hook", signal.hook},
                 {"reason", signal.reason},
                 {"remedy", signal.remedy}};
  for (const SignalState& part : signal.parts) object["parts"].push_back(as_json(part));
  return object;
}

std::string as_json(const Examination& out) {
  json capabilities = json::array();
  for (const kernel::Capability& capability : out.features.capabilities) {
    capabilities.push_back({{"name", capability.name},
                            {"needed_for", capability.needed_for},
                            {"effective", capability.effective}});
  }
  json signals = json::array();
  for (const SignalState& signal : out.states(all_hooks(out))) signals.push_back(as_json(signal));
  json languages = json::array();
  for (const RunningLanguage& language : out.languages) {
    const ProfileOutlook outlook = profile_outlook(language.runtime, language.version);
    languages.push_back({{"runtime", language.runtime},
                         {"version", language.version},
                         {"processes", language.processes},
                         {"profiles", outlook.seen},
                         {"remedy", outlook.remedy}});
  }
  json servers = json::array();
  for (const AskedServer& server : out.debug_servers) {
    servers.push_back(
        {{"url", server.url}, {"answers", server.problem.empty()}, {"reason", server.problem}});
  }
  json document = {{"version", kVersion},
                   {"usable", !out.refused.has_value()},
                   {"kernel",
                    {{"release", out.features.release},
                     {"machine", out.features.machine},
                     {"btf", out.features.btf},
                     {"lockdown", out.features.lockdown},
                     {"unprivileged_bpf_disabled", out.features.unprivileged_bpf_disabled}}},
                   {"capabilities", std::move(capabilities)},
                   {"signals", std::move(signals)},
                   {"languages", std::move(languages)},
                   {"debuginfod", std::move(servers)},
                   {"probes", json::parse(attach_report_json(all_hooks(out)))},
                   {"notes", out.notes}};
  if (out.refused) {
    document["refused"] = {{"message", out.refused->message}, {"remedy", out.refused->remedy}};
  }
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

class TextPage {
 public:
  explicit TextPage(bool colour) : colour_(colour) {}

  void title(std::string_view text) { out_ += fmt::format("{}\n", paint("\x1b[1m", text)); }
  void line(bool good, std::string_view what, std::string_view why = {}) {
    add(good ? paint("\x1b[32m", "ok     ") : paint("\x1b[31m", "missing"), what, why);
  }
  void off(std::string_view what, std::string_view why) { add("off    ", what, why); }
  void plain(std::string_view text) { out_ += fmt::format("  {}\n", text); }
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  void add(std::string_view state, std::string_view what, std::string_view why) {
    out_ += fmt::format("  {} {}{}{}\n", state, what, why.empty() ? "" : ": ", why);
  }
  [[nodiscard]] std::string paint(const char* code, std::string_view text) const {
    return colour_ ? fmt::format("{}{}\x1b[0m", code, text) : std::string(text);
  }
  bool colour_;
  std::string out_;
};

void add_signal(TextPage& page, const std::string& name, const SignalState& signal) {
  std::string why = signal.reason;
  if (!signal.remedy.empty()) why += fmt::format("{}{}", why.empty() ? "" : "; ", signal.remedy);
  const std::string what = fmt::format("{} by {}", name, signal.hook);
  if (signal.state == "off") return page.off(what, why);
  page.line(signal.state == "active", what, why);
}

std::string as_text(const Examination& out, bool colour) {
  TextPage page(colour);
  const kernel::Features& features = out.features;
  page.title(fmt::format("Kernel {} {}", features.release, features.machine));
  page.line(features.btf, "type information (BTF)",
            features.btf ? "" : "boot a kernel with CONFIG_DEBUG_INFO_BTF");
  page.plain(fmt::format("lockdown: {}", features.lockdown.empty() ? "none" : features.lockdown));
  if (features.unprivileged_bpf_disabled >= 0) {
    page.plain(
        fmt::format("kernel.unprivileged_bpf_disabled: {}", features.unprivileged_bpf_disabled));
  }
  page.title("Capabilities");
  for (const kernel::Capability& capability : features.capabilities) {
    page.line(capability.effective, capability.name, capability.needed_for);
  }
  page.title("Socket probe");
  for (const kernel::HookReport& hook : out.report.hooks) {
    std::string why = hook.reason;
    if (!hook.remedy.empty()) why += fmt::format("{}{}", why.empty() ? "" : "; ", hook.remedy);
    page.line(hook.attached, fmt::format("{} by {}", hook.signal, hook.hook), why);
  }
  if (out.refused) {
    page.plain(out.refused->message);
    if (!out.refused->remedy.empty()) page.plain("remedy: " + out.refused->remedy);
  }
  page.title("Kernel signals");
  for (const SignalState& signal : out.states(out.signals)) {
    if (signal.parts.empty()) add_signal(page, signal.name, signal);
    for (const SignalState& part : signal.parts) {
      add_signal(page, signal.name + (part.name.empty() ? "" : " ") + part.name, part);
    }
  }
  page.title("Profiles of what runs here");
  for (const RunningLanguage& language : out.languages) {
    const ProfileOutlook outlook = profile_outlook(language.runtime, language.version);
    page.plain(fmt::format("{}{}{} ({} {}): {}{}{}", language.runtime,
                           language.version.empty() ? "" : " ", language.version,
                           language.processes, language.processes == 1 ? "process" : "processes",
                           outlook.seen, outlook.remedy.empty() ? "" : "; ", outlook.remedy));
  }
  if (!out.debug_servers.empty()) page.title("Servers of debug symbols (symbols.debuginfod)");
  for (const AskedServer& server : out.debug_servers) {
    page.line(server.problem.empty(), server.url,
              server.problem.empty() ? "answers as debuginfod does" : server.problem);
  }
  for (const std::string& note : out.notes) page.plain("note: " + note);
  page.title(out.refused ? "Hostlens cannot work here."
                         : fmt::format("Hostlens works here, by the {} variant.",
                                       out.report.socket_variant));
  return page.text();
}

}  // namespace

int doctor_command(const DoctorOptions& options) {
  std::string path = options.config_path;
  if (path.empty() && ::access(kServiceConfiguration, R_OK) == 0) path = kServiceConfiguration;
  auto loaded = load_configuration(path, {});
  if (!loaded && !options.config_path.empty()) {
    print_error(loaded.error());
    return kExitUsage;
  }
  Examination out = examine(loaded ? std::move(loaded->configuration) : Configuration{});
  if (!loaded) out.notes.push_back(loaded.error().message);
  const std::string text = options.as_json ? as_json(out) : as_text(out, use_colour(STDOUT_FILENO));
  std::fputs(text.c_str(), stdout);
  return out.refused ? kExitUnsupported : kExitOk;
}

}  // namespace hostlens::agent
