// SPDX-License-Identifier: Apache-2.0
#include "agent/profile_capture.h"

#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iterator>
#include <utility>
#include <vector>

#include "agent/attach_report_json.h"
#include "kernel/local_host_access.h"
#include "kernel/shared_maps.h"
#include "probes/hooks.h"
#include "probes/profile_probes.h"
#include "records/profile.h"

namespace hostlens::agent {
namespace {

using base::Result;

/// A recording that somebody waits for may copy more stacks of programs that have just begun than
/// an agent that runs for years.
constexpr uint32_t kRawPerSecond = 100;

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
  ProfileCapture(std::unique_ptr<probes::ProfileProbes> probes, std::unique_ptr<TargetBits> bits,
                 kernel::AttachReport report, bool targets_only)
      : probes_(std::move(probes)),
        bits_(std::move(bits)),
        report_(std::move(report)),
        targets_(bits_->table(probes_->maps().target_cgroups)),
        host_(targets_),
        memory_(
            [this, targets_only](uint32_t pid) { return !targets_only || targets_.is_target(pid); },
            [this](model::ProcessKey process) { return host_.is_same(process); }) {}

  [[nodiscard]] int control_ring_fd() const override { return -1; }
  [[nodiscard]] int data_ring_fd() const override { return -1; }
  [[nodiscard]] int counters_fd() const override { return -1; }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] Profiling profiling() override {
    return {probes_->maps(), &slabs_, &code_, &memory_};
  }
  [[nodiscard]] std::string report_json() const override { return attach_report_json(report_); }
  [[nodiscard]] uint64_t recursion_misses() const override { return probes_->recursion_misses(); }
  [[nodiscard]] Result<void> begin_recording() override { return probes_->begin(); }
  [[nodiscard]] Result<void> end_recording() override {
    return probes_->off_cpu() != nullptr ? probes_->off_cpu()->end() : Result<void>{};
  }
  void on_second() override {
    if (auto followed = probes_->on_second(); !followed) {
      spdlog::warn("{}", followed.error().text());
    }
  }

 private:
  std::unique_ptr<probes::ProfileProbes> probes_;
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
  probes::ProfileProbesSettings probe_settings;
  probe_settings.cpu.hz = settings.off_cpu ? 0 : settings.hz;
  probe_settings.cpu.targets_only = settings.targets_only;
  probe_settings.cpu.keeps_targets = true;
  probe_settings.cpu.raw_per_second = kRawPerSecond;
  probe_settings.cpu.starter = static_cast<uint32_t>(::getpid());
  if (settings.off_cpu) {
    probe_settings.off_cpu.emplace();
    probe_settings.off_cpu->threshold_ns = settings.threshold_ns;
    probe_settings.off_cpu->targets_only = settings.targets_only;
    probe_settings.off_cpu->wakers = settings.wakers;
  }
  const probes::KernelProbeContext context{shared, types->get(), report, listeners};
  auto probes = probes::ProfileProbes::attach(context, probe_settings);
  if (probes == nullptr) return refusal(report);
  auto bits = std::make_unique<TargetBits>(probes->maps().target_bits);
  if (!bits->usable()) return base::errno_error("map the bits of targets");
  types->reset();
  ::malloc_trim(0);  // the kernel's types, some 10 MiB
  return std::unique_ptr<Capture>(new ProfileCapture(std::move(probes), std::move(bits),
                                                     std::move(report), settings.targets_only));
}

}  // namespace hostlens::agent
