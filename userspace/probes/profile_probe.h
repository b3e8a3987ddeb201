// SPDX-License-Identifier: Apache-2.0
// Stacks of what runs, so many times a second and CPU: bpf/probes/profile.bpf.c. Loads and
// attaches; privileged.
#pragma once

#include <cstdint>
#include <memory>

#include "kernel/sampling_event.h"
#include "probes/kernel_probe.h"

struct profile_bpf;

namespace hostlens::probes {

struct ProfileProbeSettings {
  uint32_t hz = 19;           ///< 1 to 999; 0: no CPU is sampled, the tables serve another probe
  bool prefer_cycles = true;  ///< where the processor counts them
  /// Even where perf events may be opened; else only where they may not. `hz` is at most
  /// kernel::ticks_per_second() then.
  bool by_ticks = false;
  bool targets_only = false;  ///< else of the whole host
  /// No other probe keeps the targets: children of one become targets here.
  bool keeps_targets = false;
  /// Children of this process are not sampled before they execute a program; 0: nobody's.
  uint32_t starter = 0;
  /// Stacks sent as they are, by each CPU: of programs that are not known yet. 16 KiB each.
  uint32_t raw_per_second = 16;
  uint32_t ring_bytes = 0;  ///< power of two, multiple of the page size; 0: a second of samples
};

/// Attached for as long as it lives.
class ProfileProbe {
 public:
  /// Owned by the probe. The worker gets the slabs, executables, spaces, processes and rings so
  /// that it may write (before Linux 6.0 it also needs CAP_BPF), the books to read.
  struct Maps {
    int ring = -1;     ///< profile_sample_record and profile_raw_record; nobody is woken: poll it
    int notices = -1;  ///< profile_notice_record; wakes
    int books = -1;    ///< for read_profile_books
    int slabs = -1;    ///< these five for UnwindTables
    int executables = -1;
    int spaces = -1;
    int processes = -1;
    int python_spaces = -1;  ///< the worker writes these two, as the spaces
    int hotspot_spaces = -1;
    int target_bits = -1;  ///< one bit per pid, mapped by who sets them
    int target_cgroups = -1;
  };

  /// nullptr: this kernel cannot, context.report says why. Targets are those of `context.maps` if
  /// it has "target_bits".
  [[nodiscard]] static std::unique_ptr<ProfileProbe> attach(const KernelProbeContext& context,
                                                            const ProfileProbeSettings& settings);
  ~ProfileProbe();
  ProfileProbe(const ProfileProbe&) = delete;
  ProfileProbe& operator=(const ProfileProbe&) = delete;

  [[nodiscard]] Maps maps() const;
  void set_targets_only(bool only);
  /// From now on, and not before, samples are taken: nobody reads earlier ones.
  void begin();
  /// From now on a random one in so many is taken, with that weight; at least 1. After begin().
  void take_one_in(uint32_t count);
  /// These two only where CPUs are sampled. Every few seconds: CPUs come and go.
  [[nodiscard]] base::Result<void> follow_cpus();
  [[nodiscard]] kernel::SamplingClock clock() const;

  /// Events nobody saw: the kernel was running a program on that CPU already.
  [[nodiscard]] uint64_t recursion_misses() const;

 private:
  ProfileProbe(std::unique_ptr<KernelProbe> loaded, profile_bpf& skeleton,
               std::unique_ptr<kernel::SamplingEvents> events);

  std::unique_ptr<KernelProbe> loaded_;
  profile_bpf& skeleton_;
  std::unique_ptr<kernel::SamplingEvents>
      events_;  ///< ends before what it runs; null: ticks, or hz 0
};

}  // namespace hostlens::probes
