// SPDX-License-Identifier: Apache-2.0
// Who ended a sleep, as part of its stack: behind the sleep's leaf stand "[cause]", "--", the
// waker's stack from its leaf to its root, and the waker's name. So a flame graph goes from what
// waited through why to who let it go on, as offwaketime of bcc draws it.
#pragma once

#include <cstddef>
#include <string_view>

namespace hostlens::model {

inline constexpr const char* kWakerMark = "--";
/// As the waker's name: no thread of that time did it.
inline constexpr const char* kInterruptMark = "[interrupt]";

/// Which of `steps`, root first, is the cause that a waker stands behind; `steps`: none.
/// `text_of(i)` is how the step reads.
template <typename TextOf>
[[nodiscard]] size_t waker_begin(size_t steps, TextOf text_of) {
  for (size_t i = 1; i + 1 < steps; ++i) {
    const std::string_view cause = text_of(i - 1);
    if (text_of(i) == kWakerMark && cause.starts_with('[') && cause.ends_with(']')) return i - 1;
  }
  return steps;
}

}  // namespace hostlens::model
