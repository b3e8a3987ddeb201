// SPDX-License-Identifier: Apache-2.0
#include "probes/kernel_probes.h"

#include <iterator>
#include <utility>

#include "probes/accept_probe.h"
#include "probes/disk_probe.h"
#include "probes/fault_probe.h"
#include "probes/file_probe.h"
#include "probes/fsync_probe.h"
#include "probes/interrupt_probe.h"
#include "probes/memory_probe.h"
#include "probes/network_probe.h"
#include "probes/process_probe.h"
#include "probes/scheduler_probe.h"
#include "probes/writeback_probe.h"

namespace hostlens::probes {
namespace {

/// Process first: it makes the state of threads that the others read.
constexpr std::unique_ptr<KernelProbe> (*kProbes[])(const KernelProbeContext&) = {
    attach_process_probe,   attach_scheduler_probe, attach_disk_probe,
    attach_interrupt_probe, attach_fault_probe,     attach_memory_probe,
    attach_fsync_probe,     attach_file_probe,      attach_writeback_probe,
    attach_network_probe,  // knows the ports that the next one watches
    attach_accept_probe,
};

constexpr const char* kSharedMaps[] = {"task_states",
                                       "signal_control",
                                       "signal_distributions_0",
                                       "signal_distributions_1",
                                       "signal_counts_0",
                                       "signal_counts_1",
                                       "signal_books",
                                       "service_cgroups",
                                       "sockets",
                                       "accept_ports",
                                       "oom_kills"};

std::vector<std::string> shared_maps() {
  std::vector<std::string> names(std::begin(kSharedMaps), std::end(kSharedMaps));
  names.insert(names.end(), std::begin(OffCpuProbe::kSharedMaps),
               std::end(OffCpuProbe::kSharedMaps));
  return names;
}

}  // namespace

KernelProbes::KernelProbes() : maps_(shared_maps()) {}

std::unique_ptr<KernelProbes> KernelProbes::attach(
    kernel::AttachReport& report, const std::optional<ProfileProbesSettings>& profile) {
  std::unique_ptr<KernelProbes> probes(new KernelProbes);
  auto types = kernel_types();
  if (!types) return probes;
  const KernelProbeContext context{probes->maps_, types->get(), report, probes->listeners_};
  for (const auto attach : kProbes) {
    auto probe = attach(context);
    if (probe != nullptr) probes->probes_.push_back(std::move(probe));
  }
  probes->system_calls_ = SystemCallProbe::load(context);
  if (profile) probes->profile_ = ProfileProbes::attach(context, *profile);
  return probes;
}

SignalTableFds KernelProbes::tables() const {
  return {maps_.fd("signal_control"),
          {maps_.fd("signal_distributions_0"), maps_.fd("signal_distributions_1")},
          {maps_.fd("signal_counts_0"), maps_.fd("signal_counts_1")},
          maps_.fd("signal_books"),
          maps_.fd("service_cgroups"),
          maps_.fd("oom_kills"),
          listeners_.get(),
          system_calls_ != nullptr ? system_calls_->books_fd() : -1};
}

uint64_t KernelProbes::recursion_misses() const {
  uint64_t misses = 0;
  for (const auto& probe : probes_) misses += probes::recursion_misses(probe->object());
  if (system_calls_ != nullptr) misses += probes::recursion_misses(system_calls_->object());
  if (profile_ != nullptr) misses += profile_->recursion_misses();
  return misses;
}

}  // namespace hostlens::probes
