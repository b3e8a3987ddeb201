// SPDX-License-Identifier: Apache-2.0
#include "probes/profile_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <iterator>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "bpf/profile.skel.h"
#include "probes/iterator.h"
#include "records/profile.h"

namespace hostlens::probes {
namespace {

constexpr char kSamples[] = "hostlens.profile.samples";
constexpr char kSpaces[] = "hostlens.profile.samples, of user stacks";

constexpr char kEventProgram[] = "perf_event__sample";
constexpr char kTickProgram[] = "tp_btf__hrtimer_expire_entry";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__sched_process_fork", kSpaces},
    {"tp_btf__sched_process_exec", kSpaces},
    {"tp_btf__sched_process_exit", kSpaces},
    {"iter__task", kSpaces},
};

/// A sample of 40 frames has 400 bytes; half as much again for deep ones.
constexpr uint64_t kBytesPerSample = 600;
constexpr uint64_t kRawBytes =
    sizeof(profile_raw_record) + PROFILE_STACK_PAGES * PROFILE_STACK_PAGE;
constexpr uint64_t kLeastRingBytes = 256 << 10;
constexpr uint64_t kMostRingBytes = 16 << 20;
/// Where tables of processes have to be whole from the start.
constexpr uint32_t kProcessesAtOnce = 8192;

uint32_t ring_bytes(const ProfileProbeSettings& settings) {
  if (settings.ring_bytes != 0) return settings.ring_bytes;
  const auto cpus = static_cast<uint64_t>(std::max(1, libbpf_num_possible_cpus()));
  const uint64_t of_cpu =
      uint64_t{settings.hz} * kBytesPerSample + settings.raw_per_second * kRawBytes;
  return static_cast<uint32_t>(
      std::bit_ceil(std::clamp(of_cpu * cpus, kLeastRingBytes, kMostRingBytes)));
}

/// Before Linux 6.1 (bpf_mem_alloc) programs of perf events may use no hash that allocates as it
/// goes.
void fit_hashes(profile_bpf& skeleton, const btf* types) {
  if (btf__find_by_name_kind(types, "bpf_mem_alloc", BTF_KIND_STRUCT) > 0) return;
  for (bpf_map* map : {skeleton.maps.profile_processes, skeleton.maps.unwind_spaces,
                       skeleton.maps.python_spaces, skeleton.maps.hotspot_spaces}) {
    bpf_map__set_map_flags(map, 0);
    bpf_map__set_max_entries(map, kProcessesAtOnce);
  }
}

/// What runs `sample()`. Ticks where events are refused, unless this kernel does not show them: its
/// refusal is told then.
bool takes_ticks(const ProfileProbeSettings& settings, const btf* types) {
  if (settings.hz == 0) return false;
  const bool has_ticks = btf__find_by_name_kind(types, "tick_cpu_sched", BTF_KIND_VAR) > 0 &&
                         btf__find_by_name_kind(types, "__irq_regs", BTF_KIND_VAR) > 0;
  return settings.by_ticks || (has_ticks && !kernel::SamplingEvents::are_allowed());
}

/// `hz` of them become samples.
base::Result<void> use_ticks(profile_bpf& skeleton, uint32_t hz) {
  const uint32_t ticks = kernel::ticks_per_second();
  if (hz > ticks) {
    return base::Error{
        base::Error::Kind::kInvalid, 0,
        fmt::format("profile: {} samples a second by this kernel's {} ticks", hz, ticks),
        fmt::format("ask for {} or fewer, or allow perf events: set "
                    "kernel.perf_event_paranoid to 2 by sysctl",
                    ticks)};
  }
  skeleton.rodata->profile_hz = hz;
  skeleton.rodata->profile_tick_hz = ticks;
  return {};
}

}  // namespace

std::unique_ptr<ProfileProbe> ProfileProbe::attach(const KernelProbeContext& context,
                                                   const ProfileProbeSettings& settings) {
  profile_bpf* loaded = nullptr;
  std::unique_ptr<kernel::SamplingEvents> events;
  const bool by_ticks = takes_ticks(settings, context.types);
  std::vector<KernelProgram> programs{{by_ticks ? kTickProgram : kEventProgram, kSamples}};
  programs.insert(programs.end(), std::begin(kPrograms), std::end(kPrograms));
  const auto prepare = [&](profile_bpf& skeleton) -> base::Result<void> {
    fit_hashes(skeleton, context.types);
    bpf_program__set_autoload(
        by_ticks ? skeleton.progs.perf_event__sample : skeleton.progs.tp_btf__hrtimer_expire_entry,
        false);
    if (by_ticks) {
      if (auto used = use_ticks(skeleton, settings.hz); !used) return used;
    }
    skeleton.bss->profile_targets_only = settings.targets_only;
    skeleton.rodata->profile_keeps_targets = settings.keeps_targets;
    skeleton.rodata->profile_starter = settings.starter;
    skeleton.rodata->profile_raw_per_second = settings.raw_per_second;
    if (bpf_map__set_max_entries(skeleton.maps.profile_ring, ring_bytes(settings)) != 0) {
      return base::invalid_error("profile: a ring cannot have this size");
    }
    return {};
  };
  const auto start = [&](profile_bpf& skeleton) -> base::Result<void> {
    loaded = &skeleton;
    auto visited = run_iterator(skeleton.links.iter__task, "processes");
    if (!visited || settings.hz == 0 || by_ticks) return visited;
    auto attached = kernel::SamplingEvents::attach(skeleton.progs.perf_event__sample, settings.hz,
                                                   settings.prefer_cycles);
    if (!attached) return std::move(attached).error();
    events = std::make_unique<kernel::SamplingEvents>(*std::move(attached));
    return {};
  };
  auto probe = attach_kernel_probe<profile_bpf>("profile", programs, context, prepare, start);
  if (probe == nullptr) return nullptr;
  return std::unique_ptr<ProfileProbe>(
      new ProfileProbe(std::move(probe), *loaded, std::move(events)));
}

ProfileProbe::ProfileProbe(std::unique_ptr<KernelProbe> loaded, profile_bpf& skeleton,
                           std::unique_ptr<kernel::SamplingEvents> events)
    : loaded_(std::move(loaded)), skeleton_(skeleton), events_(std::move(events)) {}

ProfileProbe::~ProfileProbe() = default;

ProfileProbe::Maps ProfileProbe::maps() const {
  return {
      bpf_map__fd(skeleton_.maps.profile_ring),       bpf_map__fd(skeleton_.maps.profile_notices),
      bpf_map__fd(skeleton_.maps.profile_books),      bpf_map__fd(skeleton_.maps.unwind_slabs),
      bpf_map__fd(skeleton_.maps.unwind_executables), bpf_map__fd(skeleton_.maps.unwind_spaces),
      bpf_map__fd(skeleton_.maps.profile_processes),  bpf_map__fd(skeleton_.maps.python_spaces),
      bpf_map__fd(skeleton_.maps.hotspot_spaces),     bpf_map__fd(skeleton_.maps.target_bits),
      bpf_map__fd(skeleton_.maps.target_cgroups)};
}

base::Result<void> ProfileProbe::follow_cpus() {
  return events_ ? events_->follow_cpus() : base::Result<void>{};
}

kernel::SamplingClock ProfileProbe::clock() const {
  return events_ ? events_->clock() : kernel::SamplingClock::kTicks;
}

void ProfileProbe::set_targets_only(bool only) {
  std::atomic_ref<bool>(skeleton_.bss->profile_targets_only).store(only);
}

void ProfileProbe::begin() { take_one_in(1); }

void ProfileProbe::take_one_in(uint32_t count) {
  std::atomic_ref<uint32_t>(skeleton_.bss->profile_one_in).store(std::max(count, 1U));
}

uint64_t ProfileProbe::recursion_misses() const {
  return probes::recursion_misses(loaded_->object());
}

}  // namespace hostlens::probes
