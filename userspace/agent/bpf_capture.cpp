// SPDX-License-Identifier: Apache-2.0
#include "agent/bpf_capture.h"

#include <malloc.h>

#include <iterator>
#include <utility>

#include "agent/attach_report_json.h"
#include "kernel/local_host_access.h"
#include "probes/kernel_probes.h"
#include "probes/socket_probe.h"

namespace hostlens::agent {
namespace {

class BpfCapture final : public Capture {
 public:
  BpfCapture(std::unique_ptr<probes::KernelProbes> kernel,
             std::unique_ptr<probes::SocketProbe> socket, kernel::AttachReport report)
      : kernel_(std::move(kernel)),
        socket_(std::move(socket)),
        report_(std::move(report)),
        host_(socket_->targets()) {}

  [[nodiscard]] int control_ring_fd() const override { return socket_->control_ring_fd(); }
  [[nodiscard]] int data_ring_fd() const override { return socket_->data_ring_fd(); }
  [[nodiscard]] int counters_fd() const override { return socket_->counters_fd(); }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] probes::SignalTableFds signal_tables() const override { return kernel_->tables(); }
  [[nodiscard]] std::string report_json() const override { return attach_report_json(report_); }
  [[nodiscard]] uint64_t recursion_misses() const override {
    return socket_->recursion_misses() + kernel_->recursion_misses();
  }

 private:
  std::unique_ptr<probes::KernelProbes> kernel_;
  std::unique_ptr<probes::SocketProbe> socket_;
  kernel::AttachReport report_;
  kernel::LocalHostAccess host_;
};

}  // namespace

base::Result<std::unique_ptr<Capture>> attach_bpf_capture(const CaptureSettings& settings) {
  probes::SocketProbeSettings socket;
  socket.control_ring_bytes = static_cast<uint32_t>(settings.control_ring_bytes);
  socket.data_ring_bytes = static_cast<uint32_t>(settings.data_ring_bytes);
  socket.report_all_processes = settings.report_all_processes;
  kernel::AttachReport signals;
  auto kernel = probes::KernelProbes::attach(signals);
  socket.target_bits_fd = kernel->target_bits_fd();
  auto probe = probes::SocketProbe::attach(socket);
  if (!probe) return std::move(probe).error();
  kernel::AttachReport report = (*probe)->report();
  report.hooks.insert(report.hooks.end(), std::make_move_iterator(signals.hooks.begin()),
                      std::make_move_iterator(signals.hooks.end()));
  // The kernel's types, some 10 MiB, were read for each object and are not needed any more.
  ::malloc_trim(0);
  return std::unique_ptr<Capture>(
      new BpfCapture(std::move(kernel), *std::move(probe), std::move(report)));
}

}  // namespace hostlens::agent
