// SPDX-License-Identifier: Apache-2.0
#include "base/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace hostlens::base {
namespace {

/// Executables of a full tracker (2,048) and events and links of some thousand CPUs, several times.
/// The hard limit may be a thousand million, and the table of descriptors must not grow so far.
constexpr rlim_t kMost = 65'536;

}  // namespace

uint64_t open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

uint64_t raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  const rlim_t wanted = std::min(limit.rlim_max, kMost);
  if (wanted > before) {
    limit.rlim_cur = wanted;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return before;
}

void set_open_files_limit(uint64_t files) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = files;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace hostlens::base
