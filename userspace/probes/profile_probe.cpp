// SPDX-License-Identifier: Apache-2.0
#include "probes/profile_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <utility>

#include "bpf/profile.skel.h"
#include "probes/iterator.h"
#include "records/profile.h"

namespace hostlens::probes {
namespace {

constexpr char kSamples[] = "hostlens.profile.samples";
constexpr char kSpaces[] = "hostlens.profile.samples, of user stacks";

constexpr KernelProgram kPrograms[] = {
    {"perf_event__sample", kSamples},
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
                       skeleton.maps.python_spaces}) {
    bpf_map__set_map_flags(map, 0);
    bpf_map__set_max_entries(map, kProcessesAtOnce);
  }
}

}  // namespace

std::unique_ptr<ProfileProbe> ProfileProbe::attach(const KernelProbeContext& context,
                                                   const ProfileProbeSettings& settings) {
  profile_bpf* loaded = nullptr;
  std::unique_ptr<kernel::SamplingEvents> events;
  const auto prepare = [&](profile_bpf& skeleton) -> base::Result<void> {
    fit_hashes(skeleton, context.types);
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
    if (!visited || settings.hz == 0) return visited;
    auto attached = kernel::SamplingEvents::attach(skeleton.progs.perf_event__sample, settings.hz,
                                                   settings.prefer_cycles);
    if (!attached) return std::move(attached).error();
    events = std::make_unique<kernel::SamplingEvents>(*std::move(attached));
    return {};
  };
  auto probe = attach_kernel_probe<profile_bpf>("profile", kPrograms, context, prepare, start);
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
      bpf_map__fd(skeleton_.maps.target_bits),        bpf_map__fd(skeleton_.maps.target_cgroups)};
}

void ProfileProbe::set_targets_only(bool only) {
  std::atomic_ref<bool>(skeleton_.bss->profile_targets_only).store(only);
}

void ProfileProbe::take_one_in(uint32_t count) {
  std::atomic_ref<uint32_t>(skeleton_.data->profile_one_in).store(std::max(count, 1U));
}

ProfileProbe::Cost ProfileProbe::cost() const {
  bpf_prog_info facts{};
  uint32_t length = sizeof(facts);
  const int fd = bpf_program__fd(skeleton_.progs.perf_event__sample);
  if (bpf_obj_get_info_by_fd(fd, &facts, &length) != 0) return {};
  return {facts.run_cnt, facts.run_time_ns};
}

uint64_t ProfileProbe::recursion_misses() const {
  return probes::recursion_misses(loaded_->object());
}

}  // namespace hostlens::probes
