// SPDX-License-Identifier: Apache-2.0
#include "agent/command_line.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/messages.h"
#include "agent/quantity.h"
#include "agent/symbols_configuration.h"
#include "agent/worker/worker_process.h"
#include "agent/worker_launcher.h"

namespace hostlens::agent {
namespace {

std::string check_duration(const std::string& text) {
  const auto parsed = parse_duration_ns(text);
  return parsed && *parsed > 0 ? std::string() : "\"" + text + "\" is no duration such as 30s";
}

/// Longer ones would keep next to nothing.
constexpr uint64_t kMostThresholdNs = 60'000'000'000;

std::string check_threshold(const std::string& text) {
  const auto parsed = parse_duration_ns(text);
  return parsed && *parsed <= kMostThresholdNs
             ? std::string()
             : "\"" + text + "\" is no duration of at most 1m, such as 1ms";
}

std::string check_debuginfod(const std::string& text) {
  return is_debuginfod_url(text) ? std::string()
                                 : "\"" + text + "\" is no URL such as https://HOST";
}

void add_run(CLI::App& app, std::function<int()>& action) {
  struct Arguments {
    std::string listen, endpoint, json_path, config, limit;
    std::vector<std::string> command;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* run = app.add_subcommand("run", "Start a command and observe it and its descendants");
  auto* listen = run->add_option("--listen", arguments->listen, "Where /metrics and the API answer")
                     ->type_name("HOST:PORT");
  auto* endpoint =
      run->add_option("--otlp-endpoint", arguments->endpoint, "OpenTelemetry Collector")
          ->type_name("URL");
  auto* json_path =
      run->add_option("--otlp-json", arguments->json_path, "OTLP JSON lines; - is standard output")
          ->type_name("FILE");
  run->add_option("--config", arguments->config, "Configuration; options win over it")
      ->type_name("FILE");
  auto* limit =
      run->add_option("--for", arguments->limit, "End the command after this time, exit with 0")
          ->type_name("DURATION")
          ->check(check_duration);
  run->add_option("command", arguments->command, "The command and its arguments, behind --")
      ->required()
      ->type_name("CMD");
  run->positionals_at_end();
  run->callback([=, &action] {
    action = [=] {
      RunOptions options;
      options.config_path = arguments->config;
      options.listen_given = listen->count() > 0;
      if (options.listen_given) options.overrides.emplace_back("listen", arguments->listen);
      if (endpoint->count() > 0) {
        options.overrides.emplace_back("exporters.otlp.endpoint", arguments->endpoint);
      }
      if (json_path->count() > 0) {
        options.overrides.emplace_back("exporters.otlp_json.path", arguments->json_path);
      }
      if (limit->count() > 0) options.for_ns = parse_duration_ns(arguments->limit);
      options.command = arguments->command;
      return run_command(std::move(options));
    };
  });
}

void add_agent(CLI::App& app, std::function<int()>& action) {
  auto config = std::make_shared<std::string>();
  CLI::App* agent =
      app.add_subcommand("agent", "The service: observe what the configuration names");
  agent->add_option("--config", *config, "Configuration")->required()->type_name("FILE");
  agent->callback([=, &action] { action = [=] { return agent_command(*config); }; });
}

void add_top(CLI::App& app, std::function<int()>& action) {
  auto options = std::make_shared<TopOptions>();
  auto interval = std::make_shared<std::string>();
  auto limit = std::make_shared<std::string>();
  CLI::App* top = app.add_subcommand("top", "Live table of a running agent");
  top->add_option("--address", options->address,
                  "The agent; else HOSTLENS_ADDRESS, else the default address")
      ->type_name("HOST:PORT");
  top->add_option("--interval", *interval, "Between two looks (2s)")
      ->type_name("DURATION")
      ->check(check_duration);
  top->add_option("--for", *limit, "End after this time")
      ->type_name("DURATION")
      ->check(check_duration);
  top->add_flag("--once", options->once, "Print the table once: totals and mean rates");
  top->add_flag("--trace", options->trace, "Print the most complete recent trace as a tree");
  top->callback([=, &action] {
    action = [=] {
      if (!interval->empty()) options->interval_ns = *parse_duration_ns(*interval);
      if (!limit->empty()) options->for_ns = parse_duration_ns(*limit);
      return top_command(*options);
    };
  });
}

void add_syscalls(CLI::App& app, std::function<int()>& action) {
  auto options = std::make_shared<SyscallsOptions>();
  auto limit = std::make_shared<std::string>();
  CLI::App* syscalls =
      app.add_subcommand("syscalls", "Observe every system call of a service for some seconds");
  syscalls->add_option("--service", options->service, "Whose")->required()->type_name("NAME");
  syscalls->add_option("--for", *limit, "How long, at most 10m (5s)")
      ->type_name("DURATION")
      ->check(check_duration);
  syscalls
      ->add_option("--address", options->address,
                   "The agent; else HOSTLENS_ADDRESS, else the default address")
      ->type_name("HOST:PORT");
  syscalls->callback([=, &action] {
    action = [=] {
      if (!limit->empty()) options->for_ns = *parse_duration_ns(*limit);
      return syscalls_command(*options);
    };
  });
}

void add_health(CLI::App& app, std::function<int()>& action) {
  struct Arguments {
    HealthOptions options;
    std::string service;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* health = app.add_subcommand(
      "health", "What is wrong, worst first; exits with 0 ok, 1 degraded, 2 failing, 3 unknown");
  health
      ->add_option("--address", arguments->options.address,
                   "The agent; else HOSTLENS_ADDRESS, else the default address")
      ->type_name("HOST:PORT");
  auto* service = health->add_option("--service", arguments->service, "Signals of this service")
                      ->type_name("NAME");
  health->add_flag("--json", arguments->options.json, "As JSON");
  health->callback([=, &action] {
    action = [=] {
      if (service->count() > 0) arguments->options.service = arguments->service;
      return health_command(arguments->options);
    };
  });
}

void add_profile(CLI::App& app, std::function<int()>& action) {
  auto options = std::make_shared<ProfileOptions>();
  auto limit = std::make_shared<std::string>();
  auto threshold = std::make_shared<std::string>("1ms");
  CLI::App* profile = app.add_subcommand(
      "profile", "Record stacks of a command, a process, a unit, a service or the whole host");
  profile->add_option("--pid", options->pid, "This process and its children")
      ->check(CLI::Range(1U, kMaxPid))
      ->type_name("PID");
  profile->add_option("--unit", options->unit, "Processes of this systemd unit")->type_name("UNIT");
  profile->add_option("--service", options->service, "Processes of this service.name")
      ->type_name("NAME");
  profile
      ->add_option("--for", *limit,
                   "How long; a command is ended then. Default: until the command ends, else 30s")
      ->type_name("DURATION")
      ->check(check_duration);
  profile->add_option("--hz", options->hz, "Samples per second of each CPU, 1 to 999")
      ->check(CLI::Range(1U, 999U))
      ->capture_default_str()
      ->type_name("N");
  auto* off_cpu = profile->add_flag("--off-cpu", options->off_cpu,
                                    "Where threads wait, for how long and why, instead of what "
                                    "runs (--hz is of no concern then)");
  profile
      ->add_option("--threshold", *threshold,
                   "Off CPU: waits below it have no stack, they are summed in [short]; up to 1m")
      ->type_name("DURATION")
      ->check(check_threshold)
      ->capture_default_str()
      ->needs(off_cpu);
  profile
      ->add_flag("--wakers", options->wakers,
                 "Off CPU: who ended each sleep, a thread with its stack or an interrupt")
      ->needs(off_cpu);
  profile
      ->add_option(
          "-o,--output", options->outputs,
          "Its ending says the kind: .pb.gz, .folded, .svg, .html, .json; may be repeated. "
          "Without it a table of functions is printed")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  profile
      ->add_option(
          "--debuginfod", options->debuginfod,
          "Ask this server for symbols of what has none here, by build id; may be repeated")
      ->type_name("URL")
      ->check(check_debuginfod)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto* command =
      profile->add_option("command", options->command, "A command and its arguments, behind --")
          ->type_name("CMD");
  for (const char* target : {"--pid", "--unit", "--service"}) {
    command->excludes(profile->get_option(target));
    for (const char* other : {"--pid", "--unit", "--service"}) {
      if (std::string_view(target) < other) {
        profile->get_option(target)->excludes(profile->get_option(other));
      }
    }
  }
  profile->positionals_at_end();
  auto diff_options = std::make_shared<ProfileDiffOptions>();
  CLI::App* diff = profile->add_subcommand("diff", "What changed between two recordings");
  diff->add_option("before", diff_options->before, "A recording: pprof or folded stacks")
      ->required()
      ->type_name("A");
  diff->add_option("after", diff_options->after, "Another one")->required()->type_name("B");
  diff->add_option("-o,--output", diff_options->outputs,
                   "As of profile; without it a table of functions is printed")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  diff->callback([=, &action] { action = [=] { return profile_diff_command(*diff_options); }; });
  profile->callback([=, &action] {
    if (diff->parsed()) return;
    action = [=] {
      if (!limit->empty()) options->for_ns = parse_duration_ns(*limit);
      options->threshold_ns = parse_duration_ns(*threshold).value_or(options->threshold_ns);
      return profile_command(*options);
    };
  });
}

void add_doctor(CLI::App& app, std::function<int()>& action) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* doctor = app.add_subcommand("doctor", "What this kernel offers, and what is missing");
  doctor->add_flag("--json", options->as_json, "As JSON");
  doctor
      ->add_option("--config", options->config_path,
                   "Tells what this configuration switches off; default: that of the service")
      ->type_name("FILE");
  doctor->callback([=, &action] { action = [=] { return doctor_command(*options); }; });
}

void add_config(CLI::App& app, std::function<int()>& action) {
  auto path = std::make_shared<std::string>();
  CLI::App* config = app.add_subcommand("config", "Configuration files");
  config->require_subcommand(1);
  CLI::App* check = config->add_subcommand("check", "Name every mistake of a file with its line");
  check->add_option("file", *path, "The file")->required()->type_name("FILE");
  check->callback([=, &action] { action = [=] { return config_check_command(*path); }; });
  config->add_subcommand("keys", "Every key, what is allowed and its default")->callback([&action] {
    action = config_keys_command;
  });
}

void add_worker(CLI::App& app, std::function<int()>& action) {
  auto fd = std::make_shared<int>(-1);
  CLI::App* worker = app.add_subcommand("worker", "")->group("");  // not for people
  worker->add_option("--channel-fd", *fd)->required()->check(CLI::Range(0, 1 << 20));
  worker->callback([=, &action] { action = [=] { return worker_main(base::UniqueFd(*fd)); }; });
}

}  // namespace

int run_program(int argc, char** argv) {
  CLI::App app("Hostlens: requests, traces and metrics of unmodified servers");
  app.name("hostlens");
  app.require_subcommand(1);
  std::function<int()> action;
  app.set_version_flag("--version", [] {
    (void)version_command();
    return std::string();
  });
  add_run(app, action);
  add_agent(app, action);
  add_top(app, action);
  add_syscalls(app, action);
  add_health(app, action);
  add_profile(app, action);
  add_doctor(app, action);
  add_config(app, action);
  app.add_subcommand("version", "Print the version")->callback([&action] {
    action = version_command;
  });
  add_worker(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "hostlens: %s (hostlens --help shows the commands)\n", error.what());
    // To a plugin's caller the status for wrong arguments would say that something fails.
    return app.got_subcommand("health") ? kExitHealthUnknown : kExitUsage;
  }
  return action();
}

}  // namespace hostlens::agent
