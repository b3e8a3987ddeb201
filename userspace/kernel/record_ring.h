// SPDX-License-Identifier: Apache-2.0
// How userspace sees a ring of records.
#pragma once

#include <cstddef>
#include <functional>

#include "base/byte_reader.h"

namespace hostlens::kernel {

/// One ring buffer shared with the kernel; one reader, one thread.
class RecordRing {
 public:
  using Callback = std::function<void(base::Bytes)>;
  virtual ~RecordRing() = default;
  [[nodiscard]] virtual int fd() const = 0;  ///< readable when the kernel asks for reading
  /// Calls for each record that waited at the time of the call, oldest first; returns how many. The
  /// bytes are shared with the kernel and valid during the callback only. The reader's position
  /// moves past a record only after its callback has returned: a record that ends this process is
  /// then the next one's first. The callback must not throw.
  virtual size_t consume(const Callback& callback) = 0;
  [[nodiscard]] virtual size_t pending_bytes() const = 0;
};

}  // namespace hostlens::kernel
