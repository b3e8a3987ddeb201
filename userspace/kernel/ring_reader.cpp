// SPDX-License-Identifier: Apache-2.0
#include "kernel/ring_reader.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace hostlens::kernel {
namespace {

using base::Error;
using base::Result;

/// Length word, then the page offset of the record (kernel/bpf/ringbuf.c, struct bpf_ringbuf_hdr).
constexpr size_t kHeaderBytes = BPF_RINGBUF_HDR_SZ;

uint64_t load_acquire(const void* position) {
  return std::atomic_ref<const uint64_t>(*static_cast<const uint64_t*>(position))
      .load(std::memory_order_acquire);
}

constexpr uint64_t whole_record(uint32_t length) { return (length + kHeaderBytes + 7) / 8 * 8; }

}  // namespace

Result<std::unique_ptr<RingReader>> RingReader::open(base::UniqueFd map) {
  bpf_map_info facts{};
  uint32_t length = sizeof(facts);
  if (bpf_obj_get_info_by_fd(map.get(), &facts, &length) != 0) {
    return base::errno_error("ring buffer: read the map's description");
  }
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t size = facts.max_entries;
  if (facts.type != BPF_MAP_TYPE_RINGBUF || size < page || (size & (size - 1)) != 0) {
    return base::invalid_error("ring buffer: the descriptor is another kind of map");
  }
  void* consumer = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, map.get(), 0);
  if (consumer == MAP_FAILED) return base::errno_error("ring buffer: map the reader's position");
  // The kernel offers the records twice in a row, so that one that wraps around is one piece; every
  // page of that counts as resident memory, so they are mapped once and a wrapped record is put
  // together.
  void* producer =
      ::mmap(nullptr, page + size, PROT_READ, MAP_SHARED, map.get(), static_cast<off_t>(page));
  if (producer == MAP_FAILED) {
    Error error = base::errno_error("ring buffer: map the records");
    ::munmap(consumer, page);
    return error;
  }
  return std::unique_ptr<RingReader>(
      new RingReader(std::move(map), size, page, consumer, producer));
}

RingReader::~RingReader() {
  ::munmap(consumer_, page_);
  ::munmap(producer_, page_ + size_);
}

size_t RingReader::consume(const Callback& callback) {
  const std::atomic_ref<uint64_t> consumer(*static_cast<uint64_t*>(consumer_));
  const auto* records = static_cast<const std::byte*>(producer_) + page_;
  uint64_t position = consumer.load(std::memory_order_relaxed);
  const uint64_t end = load_acquire(producer_);
  size_t count = 0;
  while (position < end) {
    const std::byte* header = records + (position & (size_ - 1));
    const uint32_t length =
        std::atomic_ref<const uint32_t>(*reinterpret_cast<const uint32_t*>(header))
            .load(std::memory_order_acquire);
    if ((length & BPF_RINGBUF_BUSY_BIT) != 0) break;  // still being written: next time
    const uint32_t bytes = length & ~BPF_RINGBUF_DISCARD_BIT;
    if ((length & BPF_RINGBUF_DISCARD_BIT) == 0) {
      callback(whole(records, (position + kHeaderBytes) & (size_ - 1), bytes));
      ++count;
    }
    position += whole_record(bytes);
    consumer.store(position, std::memory_order_release);
  }
  return count;
}

base::Bytes RingReader::whole(const std::byte* records, size_t offset, size_t bytes) {
  const size_t until_end = size_ - offset;
  if (bytes <= until_end) return {records + offset, bytes};
  wrapped_.resize(bytes);
  std::memcpy(wrapped_.data(), records + offset, until_end);
  std::memcpy(wrapped_.data() + until_end, records, bytes - until_end);
  return wrapped_;
}

size_t RingReader::pending_bytes() const {
  return load_acquire(producer_) - load_acquire(consumer_);
}

}  // namespace hostlens::kernel
