// SPDX-License-Identifier: Apache-2.0
#include "protocols/http1/line_buffer.h"

#include <algorithm>
#include <cstring>

namespace hostlens::protocols::http1 {

void LineBuffer::reset() {
  partial_.clear();
  tail_.clear();
  line_ = {};
  carry_ = 0;
  truncated_ = false;
}

void LineBuffer::keep(std::string_view bytes) {
  const size_t room = limit_ - std::min(limit_, partial_.size());
  partial_.append(bytes.substr(0, room));
  carry_ += bytes.size();
  if (bytes.size() >= kTailBytes) {
    tail_.assign(bytes.substr(bytes.size() - kTailBytes));
    return;
  }
  tail_.append(bytes);
  if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
}

bool LineBuffer::take(std::string_view& input) {
  if (input.empty()) return false;
  if (carry_ == 0 && !partial_.empty()) {  // the line handed out before lived here
    partial_.clear();
    tail_.clear();
  }
  const void* const found = std::memchr(input.data(), '\n', input.size());
  if (found == nullptr) {
    keep(input);
    input = {};
    return false;
  }
  const auto length = static_cast<size_t>(static_cast<const char*>(found) - input.data());
  if (carry_ == 0 && length <= limit_) {
    line_ = input.substr(0, length);
    truncated_ = false;
  } else {
    keep(input.substr(0, length));
    truncated_ = carry_ > limit_;
    line_ = partial_;
    carry_ = 0;
    if (!tail_.empty() && tail_.back() == '\r') tail_.pop_back();
  }
  input.remove_prefix(length + 1);
  if (!truncated_ && !line_.empty() && line_.back() == '\r') line_.remove_suffix(1);
  return true;
}

}  // namespace hostlens::protocols::http1
