// SPDX-License-Identifier: Apache-2.0
#include "probes/signal_tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <tuple>
#include <utility>

namespace hostlens::probes {
namespace {

using base::Result;

static_assert(model::SignalDistribution::kSlots == SIGNAL_SLOTS);
static_assert(model::SignalDistribution::kTimeExponent == -SIGNAL_SLOT_EXPONENT);

/// Keys per system call: more than any bucket of the hash ever holds, and few enough that the
/// values of many CPUs fit into a few megabytes.
constexpr uint32_t kBatch = 256;
/// A table that is filled as fast as it is emptied must not hold us up.
constexpr size_t kMostKeys = 4 * 16384;

Result<void> check(int fd, uint32_t type, uint32_t key_bytes, size_t value_bytes) {
  bpf_map_info facts{};
  uint32_t length = sizeof(facts);
  if (bpf_obj_get_info_by_fd(fd, &facts, &length) != 0) {
    return base::errno_error("tables of kernel signals: read a map's description");
  }
  if (facts.type != type || facts.key_size != key_bytes || facts.value_size != value_bytes) {
    return base::invalid_error("tables of kernel signals: another kind of map");
  }
  return {};
}

}  // namespace

SignalTables::SignalTables(Owned maps, size_t cpus)
    : maps_(std::move(maps)),
      cpus_(cpus),
      keys_(kBatch),
      values_(kBatch * cpus * sizeof(signal_distribution)) {}

Result<SignalTables> SignalTables::open(Owned maps) {
  auto good =
      check(maps.control.get(), BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(signal_control));
  for (size_t i = 0; i < 2 && good; ++i) {
    good = check(maps.distributions[i].get(), BPF_MAP_TYPE_PERCPU_HASH, sizeof(signal_key),
                 sizeof(signal_distribution));
    if (!good) break;
    good =
        check(maps.counts[i].get(), BPF_MAP_TYPE_PERCPU_HASH, sizeof(signal_key), sizeof(uint64_t));
  }
  if (good) {
    good = check(maps.books.get(), BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t), sizeof(uint64_t));
  }
  if (!good) return std::move(good).error();
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return base::errno_error("number of possible CPUs", -cpus);
  SignalTables tables(std::move(maps), static_cast<size_t>(cpus));
  signal_control control{};
  const uint32_t zero = 0;
  if (bpf_map_lookup_elem(tables.maps_.control.get(), &zero, &control) != 0) {
    return base::errno_error("tables of kernel signals: read which is in use");
  }
  tables.active_ = control.active & 1U;
  return tables;
}

Result<void> SignalTables::set_service_cgroups(const std::vector<uint64_t>& ids) {
  if (!maps_.service_cgroups) return {};
  const std::set<uint64_t> wanted(ids.begin(), ids.end());
  std::erase_if(service_cgroups_, [&](uint64_t id) {
    return !wanted.contains(id) &&
           (bpf_map_delete_elem(maps_.service_cgroups.get(), &id) == 0 || errno == ENOENT);
  });
  for (const uint64_t id : wanted) {
    const uint8_t present = 1;
    if (service_cgroups_.contains(id)) continue;
    if (bpf_map_update_elem(maps_.service_cgroups.get(), &id, &present, BPF_ANY) != 0) {
      return base::errno_error("cgroups of services: add");
    }
    service_cgroups_.insert(id);
  }
  return {};
}

Result<void> SignalTables::turn() {
  const uint32_t zero = 0;
  const uint32_t other = active_ ^ 1U;
  const signal_control control{other, kept_distributions_[other], kept_counts_[other], 0};
  if (bpf_map_update_elem(maps_.control.get(), &zero, &control, BPF_ANY) != 0) {
    return base::errno_error("tables of kernel signals: turn to the other one");
  }
  active_ ^= 1U;
  return {};
}

template <typename Value, typename Use>
Result<void> SignalTables::take_all(int map, uint32_t& kept, Use use) {
  std::vector<signal_key> used;
  signal_key position{};
  void* from = nullptr;
  for (size_t taken = 0; taken < kMostKeys;) {
    uint32_t count = kBatch;
    const int error = bpf_map_lookup_and_delete_batch(map, from, &position, keys_.data(),
                                                      values_.data(), &count, nullptr);
    if (error != 0 && errno != ENOENT) {
      return base::errno_error("tables of kernel signals: read a table");
    }
    const bool last = error != 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (use(keys_[i], values_.data() + size_t{i} * cpus_ * sizeof(Value))) {
        used.push_back(keys_[i]);
      }
    }
    taken += count;
    if (last) break;
    from = &position;  // what is there beyond kMostKeys comes with the next reading
  }
  const size_t own = used.size();
  std::set<std::tuple<uint16_t, uint16_t, uint32_t>> kinds;
  for (size_t i = 0; i < own; ++i) {
    signal_key key = used[i];
    if (key.owner == SIGNAL_OWNER_HOST) continue;
    if (!kinds.emplace(key.signal, key.label, key.detail).second) continue;
    key.owner = SIGNAL_OWNER_OTHER;
    used.push_back(key);
  }
  put_back(map, used, kept);
  return {};
}

void SignalTables::put_back(int map, const std::vector<signal_key>& keys, uint32_t& kept) {
  kept = 0;
  std::fill(values_.begin(), values_.end(), std::byte{0});
  for (size_t first = 0; first < keys.size(); first += kBatch) {
    auto count = static_cast<uint32_t>(std::min<size_t>(kBatch, keys.size() - first));
    // What is not put back is made by the programs.
    if (bpf_map_update_batch(map, keys.data() + first, values_.data(), &count, nullptr) != 0)
      return;
    kept += count;
  }
}

Result<void> SignalTables::take(const OnDistribution& distribution, const OnCount& count) {
  const size_t other = active_ ^ 1U;
  auto taken = take_all<signal_distribution>(
      maps_.distributions[other].get(), kept_distributions_[other],
      [&](const signal_key& key, const std::byte* values) {
        model::SignalDistribution total;
        for (size_t cpu = 0; cpu < cpus_; ++cpu) {
          signal_distribution part{};
          std::memcpy(&part, values + cpu * sizeof(part), sizeof(part));
          total.sum += part.sum;
          for (size_t slot = 0; slot < SIGNAL_SLOTS; ++slot) total.slots[slot] += part.slots[slot];
        }
        const bool any = std::any_of(total.slots.begin(), total.slots.end(),
                                     [](uint64_t slot) { return slot != 0; });
        if (any) distribution(key, total);
        return any;
      });
  if (!taken) return taken;
  return take_all<uint64_t>(maps_.counts[other].get(), kept_counts_[other],
                            [&](const signal_key& key, const std::byte* values) {
                              uint64_t total = 0;
                              for (size_t cpu = 0; cpu < cpus_; ++cpu) {
                                uint64_t part = 0;
                                std::memcpy(&part, values + cpu * sizeof(part), sizeof(part));
                                total += part;
                              }
                              if (total != 0) count(key, total);
                              return total != 0;
                            });
}

Result<SignalBooks> SignalTables::books() {
  SignalBooks books;
  const struct {
    uint32_t index;
    uint64_t& total;
  } rows[] = {
      {SIGNAL_BOOK_OBSERVED, books.observed},   {SIGNAL_BOOK_LOST, books.lost},
      {SIGNAL_BOOK_MERGED, books.merged},       {SIGNAL_BOOK_UNKNOWN_THREAD, books.unknown_thread},
      {SIGNAL_BOOK_ESTIMATED, books.estimated}, {SIGNAL_BOOK_UNSEEN_SWITCH, books.unseen_switch},
      {SIGNAL_BOOK_UNTRACKED, books.untracked}, {SIGNAL_BOOK_UNTIMED_ACCEPT, books.untimed_accept},
  };
  std::vector<uint64_t> values(cpus_);
  for (const auto& row : rows) {
    if (bpf_map_lookup_elem(maps_.books.get(), &row.index, values.data()) != 0) {
      return base::errno_error("books of kernel signals: read");
    }
    row.total = std::accumulate(values.begin(), values.end(), uint64_t{0});
  }
  return books;
}

}  // namespace hostlens::probes
