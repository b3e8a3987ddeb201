// SPDX-License-Identifier: Apache-2.0
#include "agent/bpf_capture.h"

#include <utility>

#include "agent/attach_report_json.h"
#include "kernel/local_host_access.h"
#include "probes/socket_probe.h"

namespace hostlens::agent {
namespace {

class BpfCapture final : public Capture {
 public:
  explicit BpfCapture(std::unique_ptr<probes::SocketProbe> socket)
      : socket_(std::move(socket)), host_(socket_->targets()) {}

  [[nodiscard]] int control_ring_fd() const override { return socket_->control_ring_fd(); }
  [[nodiscard]] int data_ring_fd() const override { return socket_->data_ring_fd(); }
  [[nodiscard]] int counters_fd() const override { return socket_->counters_fd(); }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] std::string report_json() const override {
    return attach_report_json(socket_->report());
  }
  [[nodiscard]] uint64_t recursion_misses() const override { return socket_->recursion_misses(); }

 private:
  std::unique_ptr<probes::SocketProbe> socket_;
  kernel::LocalHostAccess host_;
};

}  // namespace

base::Result<std::unique_ptr<Capture>> attach_bpf_capture(const CaptureSettings& settings) {
  probes::SocketProbeSettings socket;
  socket.control_ring_bytes = static_cast<uint32_t>(settings.control_ring_bytes);
  socket.data_ring_bytes = static_cast<uint32_t>(settings.data_ring_bytes);
  socket.report_all_processes = settings.report_all_processes;
  auto probe = probes::SocketProbe::attach(socket);
  if (!probe) return std::move(probe).error();
  return std::unique_ptr<Capture>(new BpfCapture(*std::move(probe)));
}

}  // namespace hostlens::agent
