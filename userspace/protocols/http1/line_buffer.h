// SPDX-License-Identifier: Apache-2.0
// Lines out of a byte stream that may be cut anywhere, with bounded memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hostlens::protocols::http1 {

/// A line that lies whole in the input is handed on without a copy. Of a line longer than the limit
/// the first `limit` bytes and the last kTailBytes are kept (the end of a request line holds the
/// version).
class LineBuffer {
 public:
  static constexpr size_t kTailBytes = 16;

  explicit LineBuffer(size_t limit) : limit_(limit) {}

  /// Takes bytes off the front of `input` until a line end (LF; a CR before it is not part of the
  /// line, RFC 9112 2.2). True: `line()` is valid until the next call. False: input is used up.
  bool take(std::string_view& input);

  [[nodiscard]] std::string_view line() const { return line_; }
  [[nodiscard]] bool truncated() const { return truncated_; }
  /// Last bytes of a truncated line.
  [[nodiscard]] std::string_view tail() const { return tail_; }
  /// Bytes of an unfinished line are waiting.
  [[nodiscard]] bool pending() const { return carry_ > 0; }
  [[nodiscard]] size_t limit() const { return limit_; }
  void reset();

 private:
  void keep(std::string_view bytes);

  size_t limit_;
  std::string partial_;  ///< kept start of a line that crosses calls
  std::string tail_;
  std::string_view line_;
  size_t carry_ = 0;  ///< bytes of the unfinished line so far, kept or not
  bool truncated_ = false;
};

}  // namespace hostlens::protocols::http1
