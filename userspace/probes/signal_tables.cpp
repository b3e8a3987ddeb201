// SPDX-License-Identifier: Apache-2.0
#include "probes/signal_tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <numeric>
#include <utility>

namespace hostlens::probes {
namespace {

using base::Result;

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

Result<void> SignalTables::turn() {
  const uint32_t zero = 0;
  const signal_control control{active_ ^ 1U, 0, 0, 0};
  if (bpf_map_update_elem(maps_.control.get(), &zero, &control, BPF_ANY) != 0) {
    return base::errno_error("tables of kernel signals: turn to the other one");
  }
  active_ ^= 1U;
  return {};
}

template <typename Value, typename Use>
Result<void> SignalTables::take_all(int map, Use use) {
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
      use(keys_[i], values_.data() + size_t{i} * cpus_ * sizeof(Value));
    }
    taken += count;
    if (last) return {};
    from = &position;
  }
  return {};  // the rest comes with the next reading
}

Result<void> SignalTables::take(const OnDistribution& distribution, const OnCount& count) {
  const size_t other = active_ ^ 1U;
  auto taken = take_all<signal_distribution>(
      maps_.distributions[other].get(), [&](const signal_key& key, const std::byte* values) {
        SignalDistribution total;
        for (size_t cpu = 0; cpu < cpus_; ++cpu) {
          signal_distribution part{};
          std::memcpy(&part, values + cpu * sizeof(part), sizeof(part));
          total.sum += part.sum;
          for (size_t slot = 0; slot < SIGNAL_SLOTS; ++slot) total.slots[slot] += part.slots[slot];
        }
        distribution(key, total);
      });
  if (!taken) return taken;
  return take_all<uint64_t>(maps_.counts[other].get(),
                            [&](const signal_key& key, const std::byte* values) {
                              uint64_t total = 0;
                              for (size_t cpu = 0; cpu < cpus_; ++cpu) {
                                uint64_t part = 0;
                                std::memcpy(&part, values + cpu * sizeof(part), sizeof(part));
                                total += part;
                              }
                              count(key, total);
                            });
}

Result<SignalBooks> SignalTables::books() {
  SignalBooks books;
  const struct {
    uint32_t index;
    uint64_t& total;
  } rows[] = {
      {SIGNAL_BOOK_OBSERVED, books.observed},
      {SIGNAL_BOOK_LOST, books.lost},
      {SIGNAL_BOOK_MERGED, books.merged},
      {SIGNAL_BOOK_UNKNOWN_THREAD, books.unknown_thread},
      {SIGNAL_BOOK_UNSEEN_WAKEUP, books.unseen_wakeup},
      {SIGNAL_BOOK_UNSEEN_SWITCH, books.unseen_switch},
      {SIGNAL_BOOK_UNTRACKED, books.untracked},
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
