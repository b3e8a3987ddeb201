// SPDX-License-Identifier: Apache-2.0
// `hostlens syscalls`: every system call of a service for some seconds.
#include <poll.h>

#include <cstdio>

#include "agent/api_client.h"
#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/system_call_table.h"
#include "base/clock.h"

namespace hostlens::agent {
namespace {

/// The agent reads what was counted once per interval, which the longest configured is an hour of;
/// nobody waits that long.
constexpr uint64_t kPatienceNs = 70'000'000'000;
constexpr int kBetweenLooksMs = 250;

int fail(const base::Error& error) {
  print_error(error);
  return error.kind == base::Error::Kind::kNotFound ? kExitNoAnswer : exit_code_of(error);
}

/// Percent-encoded for a query: RFC 3986, 2.3.
std::string encoded(const std::string& text) {
  std::string out;
  for (const char raw : text) {
    const auto c = static_cast<unsigned char>(raw);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    char hex[4];
    std::snprintf(hex, sizeof(hex), "%%%02X", c);
    out += plain ? std::string(1, raw) : std::string(hex);
  }
  return out;
}

base::Result<web::SystemCallRows> fetch(ApiClient& client, const std::string& service) {
  auto body = client.get("/api/v1/syscalls?service=" + encoded(service));
  if (!body) return std::move(body).error();
  return web::system_call_rows_from_json(*body);
}

}  // namespace

int syscalls_command(const SyscallsOptions& options) {
  auto address = agent_address(options.address);
  if (!address) return fail(address.error());
  ApiClient client(*address);
  const auto before = fetch(client, options.service);
  if (!before) return fail(before.error());
  const uint64_t for_ms = options.for_ns / 1'000'000;
  const auto begun = client.get("/api/v1/syscalls/watch?for_ms=" + std::to_string(for_ms));
  if (!begun) return fail(begun.error());
  const double wanted = before->watched_seconds + static_cast<double>(options.for_ns) * 0.99e-9;
  const uint64_t end_ns = base::monotonic_now_ns() + options.for_ns + kPatienceNs;
  for (;;) {
    ::poll(nullptr, 0, kBetweenLooksMs);
    const auto now = fetch(client, options.service);
    if (!now) return fail(now.error());
    if (now->watched_seconds >= wanted) {
      std::fputs(render(system_call_table(*before, *now)).c_str(), stdout);
      return kExitOk;
    }
    if (base::monotonic_now_ns() >= end_ns) {
      return fail({base::Error::Kind::kIo, 0, "the agent does not tell what it observed",
                   "is its `interval` longer than a minute?"});
    }
  }
}

}  // namespace hostlens::agent
