// SPDX-License-Identifier: Apache-2.0
// `hostlens health`: what is wrong on a host with a running agent, worst first.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "agent/api_client.h"
#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/health_table.h"
#include "base/clock.h"

namespace hostlens::agent {
namespace {

size_t width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 120;
}

int fail(const base::Error& error) {
  print_error(error);
  return kExitHealthUnknown;
}

}  // namespace

int health_command(const HealthOptions& options) {
  auto address = agent_address(options.address);
  if (!address) return fail(address.error());
  ApiClient client(*address);
  auto body = client.get("/api/v1/health");
  if (!body) return fail(body.error());
  auto answer = health_answer(*body, options.service);
  if (!answer) return fail(answer.error());
  if (options.json) {
    std::fputs(answer->json.c_str(), stdout);
  } else if (answer->rows.empty()) {
    std::fputs(options.service ? "no signal of this service\n" : "no signal yet\n", stdout);
  } else {
    const HealthStyle style{width(), SIZE_MAX, use_colour(STDOUT_FILENO)};
    std::fputs(render(*answer, style, base::unix_now_ns()).c_str(), stdout);
  }
  return health_status(*answer);
}

}  // namespace hostlens::agent
