// SPDX-License-Identifier: Apache-2.0
#include "probes/profile_books.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace hostlens::probes {

base::Result<ProfileBooks> read_profile_books(int map) {
  bpf_map_info facts{};
  uint32_t length = sizeof(facts);
  if (bpf_obj_get_info_by_fd(map, &facts, &length) != 0) {
    return base::errno_error("books of the profile: read a map's description");
  }
  if (facts.type != BPF_MAP_TYPE_PERCPU_ARRAY || facts.value_size != sizeof(uint64_t) ||
      facts.max_entries != PROFILE_BOOK_COUNT) {
    return base::invalid_error("books of the profile: another kind of map");
  }
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return base::errno_error("number of possible CPUs", -cpus);
  std::vector<uint64_t> of_cpus(static_cast<size_t>(cpus));
  std::array<uint64_t, PROFILE_BOOK_COUNT> totals{};
  for (uint32_t book = 0; book < PROFILE_BOOK_COUNT; ++book) {
    if (bpf_map_lookup_elem(map, &book, of_cpus.data()) != 0) {
      return base::errno_error("books of the profile: read");
    }
    totals[book] = std::accumulate(of_cpus.begin(), of_cpus.end(), uint64_t{0});
  }
  ProfileBooks books;
  std::copy_n(totals.begin(), books.outcomes.size(), books.outcomes.begin());
  books.samples = totals[PROFILE_BOOK_SAMPLES];
  books.ring_full = totals[PROFILE_BOOK_RING_FULL];
  books.guessed = totals[PROFILE_BOOK_GUESSED];
  books.notices = totals[PROFILE_BOOK_NOTICES];
  books.notices_lost = totals[PROFILE_BOOK_NOTICES_LOST];
  books.processes_lost = totals[PROFILE_BOOK_PROCESSES_LOST];
  books.raw = totals[PROFILE_BOOK_RAW];
  books.raw_lost = totals[PROFILE_BOOK_RAW_LOST];
  books.thread_unknown = totals[PROFILE_BOOK_THREAD_UNKNOWN];
  books.unseen_switch = totals[PROFILE_BOOK_UNSEEN_SWITCH];
  books.over_budget = totals[PROFILE_BOOK_OVER_BUDGET];
  books.lost_ns = totals[PROFILE_BOOK_LOST_NS];
  books.sampler_ns = totals[PROFILE_BOOK_SAMPLER_NS];
  books.sampler_runs = totals[PROFILE_BOOK_SAMPLER_RUNS];
  std::copy_n(totals.begin() + PROFILE_BOOK_PYTHON, books.python.size(), books.python.begin());
  return books;
}

}  // namespace hostlens::probes
