// SPDX-License-Identifier: Apache-2.0
#include "probes/socket_counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <numeric>

#include "records/socket.h"

namespace hostlens::probes {

using base::Result;

Result<SocketCounterReader> SocketCounterReader::open(base::UniqueFd map) {
  bpf_map_info facts{};
  uint32_t length = sizeof(facts);
  if (bpf_obj_get_info_by_fd(map.get(), &facts, &length) != 0) {
    return base::errno_error("counters of the socket probe: read the map's description");
  }
  if (facts.type != BPF_MAP_TYPE_PERCPU_ARRAY || facts.value_size != sizeof(uint64_t) ||
      facts.max_entries < SOCKET_COUNTER_COUNT) {
    return base::invalid_error("counters of the socket probe: another kind of map");
  }
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return base::errno_error("number of possible CPUs", -cpus);
  return SocketCounterReader(std::move(map), static_cast<size_t>(cpus));
}

Result<SocketCounters> SocketCounterReader::read() {
  SocketCounters counters;
  const struct {
    uint32_t index;
    uint64_t& total;
  } rows[] = {
      {SOCKET_COUNTER_WANTED, counters.wanted},
      {SOCKET_COUNTER_RING_FULL, counters.ring_full},
      {SOCKET_COUNTER_COPY_FAILED, counters.copy_failed},
      {SOCKET_COUNTER_STORAGE_FAILED, counters.storage_failed},
      {SOCKET_COUNTER_CONTROL_FULL, counters.control_full},
      {SOCKET_COUNTER_LENGTH_ONLY, counters.length_only},
  };
  for (const auto& row : rows) {
    if (bpf_map_lookup_elem(map_.get(), &row.index, values_.data()) != 0) {
      return base::errno_error("counters of the socket probe: read");
    }
    row.total = std::accumulate(values_.begin(), values_.end(), uint64_t{0});
  }
  return counters;
}

}  // namespace hostlens::probes
