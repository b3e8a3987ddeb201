// SPDX-License-Identifier: Apache-2.0
#include "agent/bpf_capture.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <optional>
#include <utility>

#include "agent/attach_report_json.h"
#include "base/clock.h"
#include "kernel/code_files.h"
#include "kernel/local_host_access.h"
#include "kernel/process_memory.h"
#include "kernel/slab_source.h"
#include "probes/kernel_probes.h"
#include "probes/socket_probe.h"

namespace hostlens::agent {
namespace {

/// What the worker may ask for: of the host, and of what is observed in bursts.
class Host final : public kernel::LocalHostAccess {
 public:
  Host(kernel::TargetTable targets, std::optional<probes::BurstSchedule>& system_calls,
       probes::ProfileProbes* profile)
      : LocalHostAccess(targets), system_calls_(system_calls), profile_(profile) {}
  base::Result<void> watch_system_calls(uint64_t duration_ns) override {
    if (!system_calls_) return HostAccess::watch_system_calls(duration_ns);
    system_calls_->watch(duration_ns, base::monotonic_now_ns());
    return {};
  }
  base::Result<void> take_one_sample_in(uint32_t count) override {
    if (profile_ == nullptr) return HostAccess::take_one_sample_in(count);
    profile_->sampler().take_one_in(count);
    return {};
  }

 private:
  std::optional<probes::BurstSchedule>& system_calls_;
  probes::ProfileProbes* profile_;  ///< null: none
};

bool profiles_all(const CaptureSettings& settings) {
  return settings.profile && !settings.profile->cpu.targets_only;
}

class BpfCapture final : public Capture {
 public:
  BpfCapture(std::unique_ptr<probes::KernelProbes> kernel,
             std::unique_ptr<probes::SocketProbe> socket, kernel::AttachReport report,
             const CaptureSettings& settings)
      : kernel_(std::move(kernel)),
        socket_(std::move(socket)),
        report_(std::move(report)),
        targets_(socket_->targets()),
        host_(targets_, system_calls_, kernel_->profile()),
        memory_([this, all = profiles_all(settings)](
                    uint32_t pid) { return all || targets_.is_target(pid); },
                [this](model::ProcessKey process) { return host_.is_same(process); }) {
    if (kernel_->system_calls() == nullptr) return;
    system_calls_.emplace(*kernel_->system_calls(), settings.system_calls,
                          base::monotonic_now_ns());
  }

  [[nodiscard]] int control_ring_fd() const override { return socket_->control_ring_fd(); }
  [[nodiscard]] int data_ring_fd() const override { return socket_->data_ring_fd(); }
  [[nodiscard]] int counters_fd() const override { return socket_->counters_fd(); }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] probes::SignalTableFds signal_tables() const override { return kernel_->tables(); }
  [[nodiscard]] std::string report_json() const override { return attach_report_json(report_); }
  [[nodiscard]] uint64_t recursion_misses() const override {
    return socket_->recursion_misses() + kernel_->recursion_misses();
  }
  [[nodiscard]] Profiling profiling() override {
    if (kernel_->profile() == nullptr) return {};
    return {kernel_->profile()->maps(), &slabs_, &code_, &memory_};
  }
  [[nodiscard]] base::Result<void> begin_recording() override {
    return kernel_->profile() != nullptr ? kernel_->profile()->begin() : base::Result<void>{};
  }
  void on_second() override {
    if (kernel_->profile() == nullptr) return;
    if (auto followed = kernel_->profile()->on_second(); !followed) {
      spdlog::warn("{}", followed.error().text());
    }
  }
  [[nodiscard]] uint64_t tick_bursts(uint64_t now_ns) override {
    if (!system_calls_) return UINT64_MAX;
    system_calls_->tick(now_ns);
    return system_calls_->next_ns();
  }

 private:
  std::unique_ptr<probes::KernelProbes> kernel_;
  std::unique_ptr<probes::SocketProbe> socket_;
  kernel::AttachReport report_;
  std::optional<probes::BurstSchedule> system_calls_;
  kernel::LocalSlabSource slabs_;
  kernel::LocalCodeFiles code_;
  const kernel::TargetTable targets_;
  Host host_;
  kernel::LocalProcessMemory memory_;
};

}  // namespace

base::Result<std::unique_ptr<Capture>> attach_bpf_capture(const CaptureSettings& settings) {
  probes::SocketProbeSettings socket;
  socket.control_ring_bytes = static_cast<uint32_t>(settings.control_ring_bytes);
  socket.data_ring_bytes = static_cast<uint32_t>(settings.data_ring_bytes);
  socket.report_all_processes = settings.report_all_processes;
  kernel::AttachReport signals;
  auto kernel = probes::KernelProbes::attach(signals, settings.profile);
  socket.shared = &kernel->maps();
  auto probe = probes::SocketProbe::attach(socket);
  if (!probe) return std::move(probe).error();
  kernel::AttachReport report = (*probe)->report();
  report.hooks.insert(report.hooks.end(), std::make_move_iterator(signals.hooks.begin()),
                      std::make_move_iterator(signals.hooks.end()));
  report.packet_drop_reasons = std::move(signals.packet_drop_reasons);
  // The kernel's types, some 10 MiB, were read for each object and are not needed any more.
  ::malloc_trim(0);
  return std::unique_ptr<Capture>(
      new BpfCapture(std::move(kernel), *std::move(probe), std::move(report), settings));
}

}  // namespace hostlens::agent
