// SPDX-License-Identifier: Apache-2.0
// System calls of targets, in bursts: bpf/probes/system_call.bpf.c. Loaded once, attached for each
// burst; privileged.
#pragma once

#include <memory>

#include "base/unique_fd.h"
#include "probes/burst_schedule.h"
#include "probes/kernel_probe.h"

struct system_call_bpf;

namespace hostlens::probes {

/// One thread.
class SystemCallProbe final : public KernelProbe, public BurstObserver {
 public:
  /// null: refused, see the report.
  [[nodiscard]] static std::unique_ptr<SystemCallProbe> load(const KernelProbeContext& context);

  ~SystemCallProbe() override;

  [[nodiscard]] bpf_object* object() const override { return loaded_->object(); }
  bool begin(Burst& burst) override;
  void end(const Burst& burst) override;
  /// struct system_call_books in an array of one, for the worker. Owned by this.
  [[nodiscard]] int books_fd() const;

 private:
  struct Cost {
    uint64_t run_ns = 0;
    uint64_t runs = 0;
  };
  SystemCallProbe(std::unique_ptr<KernelProbe> loaded, system_call_bpf& skeleton);
  [[nodiscard]] Cost cost() const;

  std::unique_ptr<KernelProbe> loaded_;
  system_call_bpf& skeleton_;
  base::UniqueFd statistics_;  ///< while it lives, the kernel measures programs
  Cost before_;
};

}  // namespace hostlens::probes
