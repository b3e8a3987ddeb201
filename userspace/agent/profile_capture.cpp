// SPDX-License-Identifier: Apache-2.0
#include "agent/profile_capture.h"

#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>

#include <utility>
#include <vector>

#include "agent/attach_report_json.h"
#include "kernel/local_host_access.h"
#include "kernel/shared_maps.h"
#include "probes/hooks.h"
#include "records/profile.h"

namespace hostlens::agent {
namespace {

using base::Result;

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
  ProfileCapture(std::unique_ptr<probes::ProfileProbe> probe, std::unique_ptr<TargetBits> bits,
                 kernel::AttachReport report)
      : probe_(std::move(probe)),
        bits_(std::move(bits)),
        report_(std::move(report)),
        host_(bits_->table(probe_->maps().target_cgroups)) {}

  [[nodiscard]] int control_ring_fd() const override { return -1; }
  [[nodiscard]] int data_ring_fd() const override { return -1; }
  [[nodiscard]] int counters_fd() const override { return -1; }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] Profiling profiling() override { return {probe_->maps(), &slabs_, &code_}; }
  [[nodiscard]] std::string report_json() const override { return attach_report_json(report_); }
  [[nodiscard]] uint64_t recursion_misses() const override { return probe_->recursion_misses(); }
  void on_second() override {
    if (auto followed = probe_->follow_cpus(); !followed) {
      spdlog::warn("{}", followed.error().text());
    }
  }

 private:
  std::unique_ptr<probes::ProfileProbe> probe_;
  std::unique_ptr<TargetBits> bits_;
  kernel::AttachReport report_;
  kernel::LocalSlabSource slabs_;
  kernel::LocalCodeFiles code_;
  kernel::LocalHostAccess host_;
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
  kernel::SharedMaps shared({});
  base::UniqueFd listeners;
  probes::ProfileProbeSettings probe_settings;
  probe_settings.hz = settings.hz;
  probe_settings.targets_only = settings.targets_only;
  probe_settings.keeps_targets = true;
  auto probe =
      probes::ProfileProbe::attach({shared, types->get(), report, listeners}, probe_settings);
  if (probe == nullptr) return refusal(report);
  auto bits = std::make_unique<TargetBits>(probe->maps().target_bits);
  if (!bits->usable()) return base::errno_error("map the bits of targets");
  types->reset();
  ::malloc_trim(0);  // the kernel's types, some 10 MiB
  return std::unique_ptr<Capture>(
      new ProfileCapture(std::move(probe), std::move(bits), std::move(report)));
}

}  // namespace hostlens::agent
