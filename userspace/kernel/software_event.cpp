// SPDX-License-Identifier: Apache-2.0
#include "kernel/software_event.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/unique_fd.h"

namespace hostlens::kernel {

base::Result<std::vector<Link>> attach_software_event(bpf_program* program, uint64_t event) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return base::errno_error("number of possible CPUs", -cpus);
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  attributes.config = event;
  attributes.sample_period = 1;
  std::vector<Link> links;
  for (int cpu = 0; cpu < cpus; ++cpu) {
    base::UniqueFd fd(static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!fd && errno == ENODEV) continue;  // offline
    if (!fd) return base::errno_error("perf_event_open of a software event");
    Link link(bpf_program__attach_perf_event(program, fd.get()));
    if (!link) return base::errno_error("program on a software event");
    static_cast<void>(fd.release());  // the link's now
    links.push_back(std::move(link));
  }
  return links;
}

}  // namespace hostlens::kernel
