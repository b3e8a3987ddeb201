// SPDX-License-Identifier: Apache-2.0
// Native frames and Python frames of one thread -> one stack. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "decoders/profile_decoder.h"

namespace hostlens::symbols {

/// A place in one of the two lists.
struct StackPart {
  bool python = false;
  size_t index = 0;

  bool operator==(const StackPart&) const = default;
};

struct JoinedStack {
  std::vector<StackPart> parts;  ///< leaf first; every frame of either list that is to be shown
  /// Native frames of the interpreter's loop that no Python frames were found for: they stay.
  size_t native_left = 0;
  /// Python frames whose native frame was not found.
  size_t python_left = 0;
};

/// `is_eval`: of each native frame, leaf first, whether it is in the interpreter's loop. Each such
/// frame gives way to a run of Python frames, up to and with an entry frame. Where there are more
/// of one than of the other, those next to the root belong together when both lists are whole: a
/// loop that begins or ends has no frame yet, or no more. Else those next to the leaf do.
[[nodiscard]] JoinedStack join_python_stack(const std::vector<bool>& is_eval,
                                            std::span<const decoders::PythonFrame> frames,
                                            bool whole);

}  // namespace hostlens::symbols
