// SPDX-License-Identifier: Apache-2.0
#include "probes/iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/unique_fd.h"

namespace hostlens::probes {

base::Result<void> run_iterator(const bpf_link* link, const char* over) {
  const base::UniqueFd visit(bpf_iter_create(bpf_link__fd(link)));
  if (!visit) return base::errno_error(std::string("iterator over ") + over);
  std::array<char, 64> nothing{};
  ssize_t got = 0;
  do {
    got = ::read(visit.get(), nothing.data(), nothing.size());
  } while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
  if (got < 0) return base::errno_error(std::string("iterator over ") + over + ": read");
  return {};
}

}  // namespace hostlens::probes
