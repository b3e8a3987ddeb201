// SPDX-License-Identifier: Apache-2.0
// Lines out of pieces of a text that grows or is too large to hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hostlens::symbols {

/// Not thread-safe. Holds at most one unfinished line of `longest` bytes.
class LineFeed {
 public:
  explicit LineFeed(size_t longest) : longest_(longest) {}

  /// `take(std::string_view line)` for each line that ends in `piece`, without its end. A line over
  /// the bound is left out and counted.
  template <typename Take>
  void feed(std::string_view piece, Take&& take) {
    while (!piece.empty()) {
      const size_t end = piece.find('\n');
      const std::string_view part = piece.substr(0, end);
      if (part.size() > longest_ - rest_.size()) too_long_ = true;
      if (end == std::string_view::npos) {
        if (too_long_) {
          rest_.clear();
        } else {
          rest_ += part;
        }
        return;
      }
      if (too_long_) {
        ++skipped_;
      } else if (rest_.empty()) {
        take(part);
      } else {
        rest_ += part;
        take(std::string_view(rest_));
      }
      rest_.clear();
      too_long_ = false;
      piece.remove_prefix(end + 1);
    }
  }

  [[nodiscard]] uint64_t skipped() const { return skipped_; }

 private:
  size_t longest_;
  std::string rest_;
  bool too_long_ = false;
  uint64_t skipped_ = 0;
};

}  // namespace hostlens::symbols
