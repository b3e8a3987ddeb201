// SPDX-License-Identifier: Apache-2.0
#include "kernel/slab_source.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "records/profile.h"

namespace hostlens::kernel {

base::Result<base::UniqueFd> LocalSlabSource::make_slab() {
  // All alike: only then does the verifier inline the lookup of a word.
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = BPF_F_MMAPABLE;
  base::UniqueFd fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_slab", sizeof(uint32_t),
                                   sizeof(unwind_word), UNWIND_SLAB_WORDS, &options));
  if (!fd) return base::errno_error("make a slab of unwind tables");
  return fd;
}

}  // namespace hostlens::kernel
