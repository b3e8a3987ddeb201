// SPDX-License-Identifier: Apache-2.0
#include "probes/system_call_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <atomic>

#include "base/clock.h"
#include "bpf/system_call.skel.h"
#include "records/system_call.h"

namespace hostlens::probes {
namespace {

constexpr char kCalls[] = "hostlens.syscall.duration";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__sys_enter", kCalls},
    {"tp_btf__sys_exit", kCalls},
};

void destroy(bpf_link*& link) {
  bpf_link__destroy(link);
  link = nullptr;
}

}  // namespace

std::unique_ptr<SystemCallProbe> SystemCallProbe::load(const KernelProbeContext& context) {
  system_call_bpf* loaded = nullptr;
  auto probe = attach_kernel_probe<system_call_bpf>(
      "system_call", kPrograms, context,
      [](system_call_bpf& skeleton) -> base::Result<void> {
        bpf_program__set_autoattach(skeleton.progs.tp_btf__sys_enter, false);
        bpf_program__set_autoattach(skeleton.progs.tp_btf__sys_exit, false);
        return {};
      },
      [&](system_call_bpf& skeleton) -> base::Result<void> {
        loaded = &skeleton;
        return {};
      });
  if (probe == nullptr) return nullptr;
  return std::unique_ptr<SystemCallProbe>(new SystemCallProbe(std::move(probe), *loaded));
}

SystemCallProbe::SystemCallProbe(std::unique_ptr<KernelProbe> loaded, system_call_bpf& skeleton)
    : loaded_(std::move(loaded)), skeleton_(skeleton) {}

SystemCallProbe::~SystemCallProbe() = default;

int SystemCallProbe::books_fd() const { return bpf_map__fd(skeleton_.maps.system_call_books); }

SystemCallProbe::Cost SystemCallProbe::cost() const {
  Cost cost;
  for (const bpf_program* program :
       {skeleton_.progs.tp_btf__sys_enter, skeleton_.progs.tp_btf__sys_exit}) {
    bpf_prog_info facts{};
    uint32_t length = sizeof(facts);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &facts, &length) != 0) continue;
    cost.run_ns += facts.run_time_ns;
    cost.runs += facts.run_cnt;
  }
  return cost;
}

bool SystemCallProbe::begin(Burst& burst) {
  auto& links = skeleton_.links;
  // Needs CAP_SYS_ADMIN; without it the cost is not known.
  statistics_.reset(bpf_enable_stats(BPF_STATS_RUN_TIME));
  before_ = cost();
  links.tp_btf__sys_exit = bpf_program__attach(skeleton_.progs.tp_btf__sys_exit);
  links.tp_btf__sys_enter = bpf_program__attach(skeleton_.progs.tp_btf__sys_enter);
  if (links.tp_btf__sys_enter == nullptr || links.tp_btf__sys_exit == nullptr) {
    destroy(links.tp_btf__sys_enter);
    destroy(links.tp_btf__sys_exit);
    statistics_.reset();
    return false;
  }
  auto& settings = *skeleton_.bss;
  settings.burst_watched = burst.watched ? 1 : 0;
  skeleton_.data->burst_times = burst.times;
  const uint64_t length_ns = burst.end_ns - burst.begin_ns;
  burst.begin_ns = base::monotonic_now_ns();
  burst.end_ns = burst.begin_ns + length_ns;
  settings.burst_begin_ns = burst.begin_ns;
  // Last: it lets the programs observe.
  std::atomic_ref<__u64>(settings.burst_end_ns).store(burst.end_ns, std::memory_order_release);
  return true;
}

void SystemCallProbe::end(const Burst& burst) {
  std::atomic_ref<__u64>(skeleton_.bss->burst_end_ns).store(0, std::memory_order_release);
  destroy(skeleton_.links.tp_btf__sys_enter);
  destroy(skeleton_.links.tp_btf__sys_exit);
  const Cost after = cost();
  system_call_books books{};
  const uint32_t zero = 0;
  if (bpf_map_lookup_elem(books_fd(), &zero, &books) != 0) return;
  ++books.bursts;
  (burst.watched ? books.watched_ns : books.observed_ns) += burst.end_ns - burst.begin_ns;
  books.run_ns += after.run_ns - before_.run_ns;
  books.runs += after.runs - before_.runs;
  (void)bpf_map_update_elem(books_fd(), &zero, &books, BPF_ANY);
  statistics_.reset();
}

}  // namespace hostlens::probes
