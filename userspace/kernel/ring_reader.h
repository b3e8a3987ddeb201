// SPDX-License-Identifier: Apache-2.0
// Reader of a BPF_MAP_TYPE_RINGBUF through nothing but its descriptor.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/record_ring.h"

namespace hostlens::kernel {

/// Needs no privilege beyond the descriptor (which must be writable: the reader's position lives in
/// the map). libbpf's ring_buffer is not used because it advances before it knows that a callback
/// returned, and reads for as long as the kernel writes. Layout: kernel/bpf/ringbuf.c and
/// Documentation/bpf/ringbuf.rst.
class RingReader final : public RecordRing {
 public:
  /// Takes the descriptor over. kInvalid: no ring buffer map; kDenied, kIo: cannot be mapped.
  [[nodiscard]] static base::Result<std::unique_ptr<RingReader>> open(base::UniqueFd map);
  ~RingReader() override;
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

  [[nodiscard]] int fd() const override { return map_.get(); }
  size_t consume(const Callback& callback) override;
  [[nodiscard]] size_t pending_bytes() const override;
  [[nodiscard]] size_t capacity_bytes() const { return size_; }

 private:
  RingReader(base::UniqueFd map, size_t size, size_t page, void* consumer, void* producer)
      : map_(std::move(map)), size_(size), page_(page), consumer_(consumer), producer_(producer) {}

  [[nodiscard]] base::Bytes whole(const std::byte* records, size_t offset, size_t bytes);

  base::UniqueFd map_;
  size_t size_;  ///< power of two
  size_t page_;
  void* consumer_;  ///< one page, read-write: our position
  void* producer_;  ///< one page of the kernel's position, then the records, read-only
  std::vector<std::byte> wrapped_;  ///< the record that lies across the end of the ring
};

}  // namespace hostlens::kernel
