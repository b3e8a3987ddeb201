// SPDX-License-Identifier: Apache-2.0
#include "probes/oom_kills.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <utility>

namespace hostlens::probes {

base::Result<OomKills> OomKills::open(base::UniqueFd map) {
  bpf_map_info facts{};
  uint32_t length = sizeof(facts);
  if (bpf_obj_get_info_by_fd(map.get(), &facts, &length) != 0) {
    return base::errno_error("kills for want of memory: read the map's description");
  }
  if (facts.type != BPF_MAP_TYPE_ARRAY || facts.value_size != sizeof(oom_kill) ||
      facts.max_entries != OOM_KILLS_KEPT) {
    return base::invalid_error("kills for want of memory: another kind of map");
  }
  return OomKills(std::move(map));
}

base::Result<std::vector<oom_kill>> OomKills::take() {
  std::vector<oom_kill> kills;
  for (uint32_t i = 0; i < OOM_KILLS_KEPT; ++i) {
    oom_kill kill{};
    if (bpf_map_lookup_elem(map_.get(), &i, &kill) != 0) {
      return base::errno_error("kills for want of memory: read");
    }
    if (kill.number <= last_) continue;
    kill.victim[sizeof(kill.victim) - 1] = 0;
    kill.asker[sizeof(kill.asker) - 1] = 0;
    kill.cgroup[sizeof(kill.cgroup) - 1] = 0;
    kills.push_back(kill);
  }
  std::sort(kills.begin(), kills.end(),
            [](const oom_kill& a, const oom_kill& b) { return a.number < b.number; });
  if (!kills.empty()) last_ = kills.back().number;
  return kills;
}

}  // namespace hostlens::probes
