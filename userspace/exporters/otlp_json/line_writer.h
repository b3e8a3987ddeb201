// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::exporters::otlp_json {

/// Writes lines to a file, pipe, socket or terminal that others may write to as well: the
/// descriptor's flags stay as they are, and nothing written is ever taken back.
class LineWriter {
 public:
  explicit LineWriter(base::UniqueFd fd) : fd_(std::move(fd)) {}

  /// Blocks while the reader is slow, until `give_up` says so (asked ten times a second): kBusy.
  /// After a line that ended half-way the next begins with a line break, so that only that one is
  /// lost.
  [[nodiscard]] base::Result<void> write(std::string_view line,
                                         const std::function<bool()>& give_up);

 private:
  [[nodiscard]] base::Result<size_t> write_some(std::string_view bytes,
                                                const std::function<bool()>& give_up);

  base::UniqueFd fd_;
  bool mid_line_ = false;
};

}  // namespace hostlens::exporters::otlp_json
