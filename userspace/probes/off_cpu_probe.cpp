// SPDX-License-Identifier: Apache-2.0
#include "probes/off_cpu_probe.h"

#include <bpf/libbpf.h>

#include <atomic>
#include <cerrno>
#include <iterator>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "bpf/off_cpu.skel.h"
#include "probes/blocked_causes.h"
#include "probes/iterator.h"
#include "probes/per_cpu_variable.h"

namespace hostlens::probes {
namespace {

constexpr char kStacks[] = "profiles off CPU";
constexpr char kExit[] = "tp_btf/sched_exit_tp";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__sched_switch", kStacks},
    {"tp_btf__sched_exit_tp", kStacks, false},
    {"tp_btf__sched_process_fork", kStacks},
    {"tp_btf__sched_process_exit", kStacks},
    {"iter__begin", kStacks},
    {"iter_s__cut", kStacks},
};

constexpr KernelProgram kWakers{"tp_btf__sched_waking", "who ends sleeps"};

/// Its name has a suffix where the compiler made a version of it for few callers.
constexpr const char* kBackOnCpu[] = {"finish_task_switch", "finish_task_switch.isra.0"};

base::Result<void> attach_kprobe(off_cpu_bpf& skeleton) {
  for (const char* function : kBackOnCpu) {
    bpf_link* const link = bpf_program__attach_kprobe(skeleton.progs.kprobe__finish_task_switch,
                                                      /*retprobe=*/false, function);
    if (link == nullptr) continue;
    skeleton.links.kprobe__finish_task_switch = link;
    return {};
  }
  return base::errno_error("kprobe on finish_task_switch");
}

/// What tells an interrupt from the thread that it interrupted.
base::Result<void> find_preempt_count([[maybe_unused]] off_cpu_bpf& skeleton,
                                      [[maybe_unused]] const btf* types) {
#ifdef __x86_64__
  const auto distance = preempt_count_behind_queue(types);
  if (!distance) {
    return base::Error{base::Error::Kind::kUnsupported,
                       0,
                       "this kernel's types do not tell where a CPU's preemption counter is",
                       {}};
  }
  skeleton.rodata->preempt_count_behind_queue = *distance;
#endif
  return {};
}

}  // namespace

std::unique_ptr<OffCpuProbe> OffCpuProbe::attach(const KernelProbeContext& context,
                                                 const OffCpuProbeSettings& settings) {
  off_cpu_bpf* loaded = nullptr;
  std::vector<KernelProgram> programs(std::begin(kPrograms), std::end(kPrograms));
  if (settings.wakers) programs.push_back(kWakers);
  const bool by_tracepoint = hook_exists(context.types, kExit);
  const auto prepare = [&](off_cpu_bpf& skeleton) -> base::Result<void> {
    bpf_program__set_autoload(skeleton.progs.kprobe__finish_task_switch, !by_tracepoint);
    if (!settings.wakers) {
      bpf_program__set_autoload(skeleton.progs.tp_btf__sched_waking, false);
    } else if (auto found = find_preempt_count(skeleton, context.types); !found) {
      return found;
    }
    fill_blocked_causes(skeleton.rodata->cause_of_call);
    skeleton.rodata->off_cpu_threshold_ns = settings.threshold_ns;
    skeleton.rodata->off_cpu_stacks_per_second = settings.stacks_per_second;
    skeleton.rodata->profile_raw_per_second = settings.raw_per_second;
    skeleton.bss->profile_targets_only = settings.targets_only;
    return {};
  };
  const auto start = [&](off_cpu_bpf& skeleton) -> base::Result<void> {
    loaded = &skeleton;
    return by_tracepoint ? base::Result<void>{} : attach_kprobe(skeleton);
  };
  auto probe = attach_kernel_probe<off_cpu_bpf>("off_cpu", programs, context, prepare, start);
  if (probe == nullptr) return nullptr;
  return std::unique_ptr<OffCpuProbe>(new OffCpuProbe(std::move(probe), *loaded));
}

OffCpuProbe::OffCpuProbe(std::unique_ptr<KernelProbe> loaded, off_cpu_bpf& skeleton)
    : loaded_(std::move(loaded)), skeleton_(skeleton) {}

OffCpuProbe::~OffCpuProbe() = default;

base::Result<void> OffCpuProbe::begin() {
  std::atomic_ref<__u64>(skeleton_.bss->off_cpu_begin_ns).store(base::monotonic_now_ns());
  return run_iterator(skeleton_.links.iter__begin, "threads, to begin a profile");
}

base::Result<void> OffCpuProbe::end() {
  std::atomic_ref<__u64>(skeleton_.bss->off_cpu_end_ns).store(base::monotonic_now_ns());
  return run_iterator(skeleton_.links.iter_s__cut, "threads, to end a profile");
}

uint64_t OffCpuProbe::recursion_misses() const {
  return probes::recursion_misses(loaded_->object());
}

}  // namespace hostlens::probes
