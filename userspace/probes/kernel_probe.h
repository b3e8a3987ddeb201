// SPDX-License-Identifier: Apache-2.0
// How the probes of kernel signals are loaded: each one an object of its own, so that a refusal
// costs that one alone.
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/attach_report.h"
#include "kernel/libbpf_log.h"
#include "kernel/shared_maps.h"
#include "kernel/skeleton.h"
#include "probes/hooks.h"

namespace hostlens::probes {

/// Attached for as long as it lives.
class KernelProbe {
 public:
  virtual ~KernelProbe() = default;
  [[nodiscard]] virtual bpf_object* object() const = 0;
};

/// One program of an object.
struct KernelProgram {
  const char* name;
  const char* signal;  ///< names of the metrics that are lost without it
  /// Without it, the object's other programs serve nobody. Else only this signal is lost.
  bool required = true;
  uint16_t arguments = 0;  ///< only for a hook with so many, 0: any
};

/// What the objects of kernel signals are given.
struct KernelProbeContext {
  kernel::SharedMaps& maps;
  const btf* types;
  kernel::AttachReport& report;
  base::UniqueFd& listeners;  ///< filled by the network probe: see KernelProbes::listeners_fd
};

namespace detail {
/// Switches programs without a hook off and notes each in `hooks`. False: a required one is
/// missing.
[[nodiscard]] bool choose_programs(bpf_object* object, const char* probe,
                                   std::span<const KernelProgram> programs, const btf* types,
                                   std::vector<kernel::HookReport>& hooks);
/// Before Linux 6.1 maps of per-CPU values cannot grow where our programs run (bpf_mem_alloc): they
/// get all their memory at once, and fewer keys.
void fit_tables(bpf_object* object, const btf* types);
/// Takes back what choose_programs noted as attached.
void refuse(std::vector<kernel::HookReport>& hooks, const std::string& reason,
            const std::string& remedy);

template <typename Skeleton>
class LoadedKernelProbe final : public KernelProbe {
 public:
  explicit LoadedKernelProbe(kernel::Skeleton<Skeleton> skeleton)
      : skeleton_(std::move(skeleton)) {}
  [[nodiscard]] bpf_object* object() const override { return skeleton_->obj; }

 private:
  kernel::Skeleton<Skeleton> skeleton_;
};
}  // namespace detail

/// Opens, lets `prepare(Skeleton&)` set constants, loads, attaches, then `started(Skeleton&)`. null
/// when this kernel cannot or may not: the report says why. Both may return an error.
template <typename Skeleton, typename Prepare, typename Started>
[[nodiscard]] std::unique_ptr<KernelProbe> attach_kernel_probe(
    const char* probe, std::span<const KernelProgram> programs, const KernelProbeContext& context,
    Prepare prepare, Started started) {
  const kernel::LibbpfLog log;
  std::vector<kernel::HookReport> hooks;
  const auto attach = [&]() -> base::Result<kernel::Skeleton<Skeleton>> {
    kernel::Skeleton<Skeleton> skeleton(Skeleton::open());
    if (!skeleton) return base::errno_error("open: " + log.cause());
    if (!detail::choose_programs(skeleton->obj, probe, programs, context.types, hooks)) {
      return base::Error{base::Error::Kind::kUnsupported, 0, "this kernel lacks a hook of it", {}};
    }
    detail::fit_tables(skeleton->obj, context.types);
    if (auto lent = context.maps.lend(skeleton->obj); !lent) return std::move(lent).error();
    if (auto prepared = prepare(*skeleton); !prepared) return std::move(prepared).error();
    if (const int error = Skeleton::load(skeleton.get()); error != 0) {
      return base::errno_error("the kernel refuses it: " + log.cause(), -error);
    }
    if (auto learnt = context.maps.learn(skeleton->obj); !learnt) return std::move(learnt).error();
    if (const int error = Skeleton::attach(skeleton.get()); error != 0) {
      return base::errno_error("cannot be attached: " + log.cause(), -error);
    }
    if (auto begun = started(*skeleton); !begun) return std::move(begun).error();
    return skeleton;
  };
  auto attached = attach();
  if (!attached) {
    const base::Error& error = attached.error();
    std::string remedy = error.remedy;
    if (remedy.empty() && !hooks.empty())
      remedy = remedy_for(error.errno_value, hooks.front().hook);
    detail::refuse(hooks, error.message, remedy);
  }
  context.report.hooks.insert(context.report.hooks.end(), std::make_move_iterator(hooks.begin()),
                              std::make_move_iterator(hooks.end()));
  if (!attached) return nullptr;
  return std::make_unique<detail::LoadedKernelProbe<Skeleton>>(*std::move(attached));
}

}  // namespace hostlens::probes
