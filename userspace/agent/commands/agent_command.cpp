// SPDX-License-Identifier: Apache-2.0
// `hostlens agent`: the service.
#include <spdlog/spdlog.h>

#include <csignal>
#include <utility>

#include "agent/attach_report_json.h"
#include "agent/bpf_capture.h"
#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/logging.h"
#include "agent/runtime.h"
#include "agent/signal_source.h"
#include "agent/version.h"
#include "base/open_files.h"

namespace hostlens::agent {
namespace {

void reload(Runtime& runtime, const std::string& path) {
  auto next = load_configuration(path, {});
  auto reloaded =
      next ? runtime.reload(*std::move(next)) : base::Result<void>(std::move(next).error());
  if (!reloaded) spdlog::error("reload: {}; going on as before", reloaded.error().text());
}

int fail(const base::Error& error) {
  print_error(error);
  return error.kind == base::Error::Kind::kDenied ? kExitUnsupported : exit_code_of(error);
}

}  // namespace

int agent_command(const std::string& config_path) {
  set_up_logging();
  auto configuration = load_configuration(config_path, {});
  if (!configuration) {
    print_error(configuration.error());
    return kExitUsage;
  }
  auto signals = SignalSource::create({SIGINT, SIGTERM, SIGHUP});
  if (!signals) return fail(signals.error());
  (void)base::raise_open_files_limit();
  auto made = Runtime::create({*std::move(configuration), false, false}, attach_bpf_capture);
  if (!made) return fail(made.error());
  Runtime& runtime = **made;
  const std::string variant = socket_variant_of(runtime.capture().report_json());

  auto watched = runtime.loop().watch((*signals)->fd(), [&] {
    for (ReceivedSignal signal = (*signals)->next(); signal.number != 0;
         signal = (*signals)->next()) {
      if (signal.number == SIGHUP) {
        reload(runtime, config_path);
      } else {
        runtime.supervisor().stop();
      }
    }
  });
  if (!watched) return fail(watched.error());
  int status = kExitOk;
  auto started = runtime.start(
      [&] {
        const std::string url = runtime.address_url();
        const std::string where = url.empty() ? "listening nowhere" : "listening on " + url;
        spdlog::info("hostlens {}: sockets are watched by the {} variant; {}", kVersion, variant,
                     where);
        runtime.notifier().ready("watching; " + where);
      },
      [&](bool in_order) {
        if (!in_order) status = kExitFailure;
        runtime.loop().stop();
      });
  if (!started) return fail(started.error());
  runtime.loop().run();
  return status;
}

}  // namespace hostlens::agent
