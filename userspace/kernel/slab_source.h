// SPDX-License-Identifier: Apache-2.0
// The one privileged act that tables of the unwinder need once they are there.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::kernel {

/// Implemented by LocalSlabSource (the supervisor, acts itself) and by the worker's channel to the
/// supervisor (asks). One thread.
class SlabSource {
 public:
  virtual ~SlabSource() = default;

  /// A new slab of bpf/records/profile.h: an empty array of UNWIND_SLAB_WORDS words that can be
  /// mapped. It lives for as long as somebody holds a descriptor, or it is in the array of slabs.
  /// kBusy: there are enough of them.
  virtual base::Result<base::UniqueFd> make_slab() = 0;
};

/// Needs CAP_BPF.
class LocalSlabSource final : public SlabSource {
 public:
  base::Result<base::UniqueFd> make_slab() override;
};

}  // namespace hostlens::kernel
