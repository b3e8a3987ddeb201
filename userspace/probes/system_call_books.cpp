// SPDX-License-Identifier: Apache-2.0
#include "probes/system_call_books.h"

#include <bpf/bpf.h>

namespace hostlens::probes {

base::Result<system_call_books> read_system_call_books(int map) {
  bpf_map_info facts{};
  uint32_t length = sizeof(facts);
  if (bpf_obj_get_info_by_fd(map, &facts, &length) != 0) {
    return base::errno_error("books of system calls: read a map's description");
  }
  if (facts.type != BPF_MAP_TYPE_ARRAY || facts.value_size != sizeof(system_call_books)) {
    return base::invalid_error("books of system calls: another kind of map");
  }
  system_call_books books{};
  const uint32_t zero = 0;
  if (bpf_map_lookup_elem(map, &zero, &books) != 0) {
    return base::errno_error("books of system calls: read");
  }
  return books;
}

}  // namespace hostlens::probes
