// SPDX-License-Identifier: Apache-2.0
#include "probes/fault_probe.h"

#include <linux/perf_event.h>

#include <utility>
#include <vector>

#include "bpf/fault.skel.h"
#include "kernel/software_event.h"

namespace hostlens::probes {
namespace {

constexpr char kFaults[] = "hostlens.memory.fault.duration";
constexpr char kFaultsInCalls[] = "hostlens.memory.fault.duration, of faults in system calls";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__page_fault_user", kFaults},
    {"tp_btf__page_fault_kernel", kFaultsInCalls, false},
    {"perf_event__major_fault", kFaults},
};

/// The links of the event die before the object they run a program of.
class FaultProbe final : public KernelProbe {
 public:
  FaultProbe(std::unique_ptr<KernelProbe> object, std::vector<kernel::Link> links)
      : object_(std::move(object)), links_(std::move(links)) {}
  [[nodiscard]] bpf_object* object() const override { return object_->object(); }

 private:
  std::unique_ptr<KernelProbe> object_;
  std::vector<kernel::Link> links_;
};

}  // namespace

std::unique_ptr<KernelProbe> attach_fault_probe(const KernelProbeContext& context) {
  std::vector<kernel::Link> links;
  const auto nothing = [](fault_bpf&) { return base::Result<void>{}; };
  const auto count_faults = [&](fault_bpf& skeleton) -> base::Result<void> {
    auto attached = kernel::attach_software_event(skeleton.progs.perf_event__major_fault,
                                                  PERF_COUNT_SW_PAGE_FAULTS_MAJ);
    if (!attached) return std::move(attached).error();
    links = *std::move(attached);
    return {};
  };
  auto object = attach_kernel_probe<fault_bpf>("fault", kPrograms, context, nothing, count_faults);
  if (object == nullptr) return nullptr;
  return std::make_unique<FaultProbe>(std::move(object), std::move(links));
}

}  // namespace hostlens::probes
