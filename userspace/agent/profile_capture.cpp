// SPDX-License-Identifier: Apache-2.0
#include "agent/profile_capture.h"

#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>

#include <iterator>
#include <utility>
#include <vector>

#include "agent/attach_report_json.h"
#include "kernel/local_host_access.h"
#include "kernel/shared_maps.h"
#include "probes/hooks.h"
#include "probes/off_cpu_probe.h"
#include "records/profile.h"

namespace hostlens::agent {
namespace {

using base::Result;

/// At the end of a recording off CPU every thread that sleeps sends a copy of its stack at once:
/// room for some 450 threads, or 900.
constexpr uint32_t kOffCpuRingBytes = 8U << 20;
constexpr uint32_t kOffCpuHostRingBytes = 16U << 20;

/// The bits of all processes, mapped.
class TargetBits {
 public:
  explicit TargetBits(int map)
      : memory_(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0)) {}
  ~TargetBits() {
    if (usable()) ::munmap(memory_, kBytes);
  }
  TargetBits(const TargetBits&) = delete;
  TargetBits& operator=(const TargetBits&) = delete;

  [[nodiscard]] bool usable() const { return memory_ != MAP_FAILED; }
  [[nodiscard]] kernel::TargetTable table(int cgroups) const {
    return {static_cast<uint64_t*>(memory_), kBytes / sizeof(uint64_t), cgroups};
  }

 private:
  static constexpr size_t kBytes = 4'194'304 / 8;  ///< TARGETS_MOST_PIDS of bpf/lib/targets.bpf.h
  void* memory_;
};

class ProfileCapture final : public Capture {
 public:
  ProfileCapture(std::unique_ptr<probes::ProfileProbe> probe,
                 std::unique_ptr<probes::OffCpuProbe> off_cpu, std::unique_ptr<TargetBits> bits,
                 kernel::AttachReport report, bool targets_only)
      : probe_(std::move(probe)),
        off_cpu_(std::move(off_cpu)),
        bits_(std::move(bits)),
        report_(std::move(report)),
        targets_(bits_->table(probe_->maps().target_cgroups)),
        host_(targets_),
        memory_(
            [this, targets_only](uint32_t pid) { return !targets_only || targets_.is_target(pid); },
            [this](model::ProcessKey process) { return host_.is_same(process); }) {}

  [[nodiscard]] int control_ring_fd() const override { return -1; }
  [[nodiscard]] int data_ring_fd() const override { return -1; }
  [[nodiscard]] int counters_fd() const override { return -1; }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] Profiling profiling() override {
    return {probe_->maps(), &slabs_, &code_, &memory_};
  }
  [[nodiscard]] std::string report_json() const override { return attach_report_json(report_); }
  [[nodiscard]] uint64_t recursion_misses() const override {
    return probe_->recursion_misses() + (off_cpu_ ? off_cpu_->recursion_misses() : 0);
  }
  [[nodiscard]] Result<void> begin_recording() override {
    return off_cpu_ ? off_cpu_->begin() : Result<void>{};
  }
  [[nodiscard]] Result<void> end_recording() override {
    return off_cpu_ ? off_cpu_->end() : Result<void>{};
  }
  void on_second() override {
    if (off_cpu_ != nullptr) return;
    if (auto followed = probe_->follow_cpus(); !followed) {
      spdlog::warn("{}", followed.error().text());
    }
  }

 private:
  std::unique_ptr<probes::ProfileProbe> probe_;
  std::unique_ptr<probes::OffCpuProbe> off_cpu_;  ///< null: CPUs are sampled
  std::unique_ptr<TargetBits> bits_;
  kernel::AttachReport report_;
  kernel::LocalSlabSource slabs_;
  kernel::LocalCodeFiles code_;
  const kernel::TargetTable targets_;
  kernel::LocalHostAccess host_;
  kernel::LocalProcessMemory memory_;
};

base::Error refusal(const kernel::AttachReport& report) {
  base::Error error{base::Error::Kind::kUnsupported, 0, "this kernel samples no stacks",
                    "`hostlens doctor` says why"};
  for (const kernel::HookReport& hook : report.hooks) {
    if (hook.attached || hook.reason.empty()) continue;
    error.message += ": " + hook.hook + ": " + hook.reason;
    if (!hook.remedy.empty()) error.remedy = hook.remedy;
    break;
  }
  return error;
}

}  // namespace

Result<std::unique_ptr<Capture>> attach_profile_capture(const ProfileCaptureSettings& settings) {
  auto types = probes::kernel_types();
  if (!types) return std::move(types).error();
  kernel::AttachReport report;
  kernel::SharedMaps shared(
      {std::begin(probes::OffCpuProbe::kSharedMaps), std::end(probes::OffCpuProbe::kSharedMaps)});
  base::UniqueFd listeners;
  probes::ProfileProbeSettings probe_settings;
  probe_settings.hz = settings.hz;
  probe_settings.targets_only = settings.targets_only;
  probe_settings.keeps_targets = true;
  if (settings.off_cpu) {
    probe_settings.hz = 0;
    probe_settings.ring_bytes = settings.targets_only ? kOffCpuRingBytes : kOffCpuHostRingBytes;
  }
  const probes::KernelProbeContext context{shared, types->get(), report, listeners};
  auto probe = probes::ProfileProbe::attach(context, probe_settings);
  if (probe == nullptr) return refusal(report);
  std::unique_ptr<probes::OffCpuProbe> off_cpu;
  if (settings.off_cpu) {
    probes::OffCpuProbeSettings off_cpu_settings;
    off_cpu_settings.threshold_ns = settings.threshold_ns;
    off_cpu_settings.targets_only = settings.targets_only;
    off_cpu = probes::OffCpuProbe::attach(context, off_cpu_settings);
    if (off_cpu == nullptr) return refusal(report);
  }
  auto bits = std::make_unique<TargetBits>(probe->maps().target_bits);
  if (!bits->usable()) return base::errno_error("map the bits of targets");
  types->reset();
  ::malloc_trim(0);  // the kernel's types, some 10 MiB
  return std::unique_ptr<Capture>(new ProfileCapture(std::move(probe), std::move(off_cpu),
                                                     std::move(bits), std::move(report),
                                                     settings.targets_only));
}

}  // namespace hostlens::agent
