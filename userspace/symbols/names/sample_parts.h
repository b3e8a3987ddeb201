// SPDX-License-Identifier: Apache-2.0
// The lists of frames that a sample has -> one list in the order of calls, each with a key to find
// it again by. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "decoders/profile_decoder.h"
#include "symbols/python/python_stack.h"

namespace hostlens::symbols {

/// A frame as the kernel sent it.
struct SamplePart {
  enum class List : uint8_t { kKernel, kNative, kPython, kV8 };
  List list = List::kNative;
  size_t index = 0;  ///< in that list of the sample
  /// Of it and of all its callers: equal keys are equal frames, whatever sample they are in. Code
  /// of a file is the same in every process, all else is one process's.
  uint64_t key = 0;

  bool operator==(const SamplePart&) const = default;
};

/// Assigns the parts of a sample, leaf first. `python`: where its Python frames stand; only looked
/// at when there are some. `has_v8`: what V8 says of frames is understood.
void list_parts(const decoders::ProfileSample& sample, const JoinedStack& python, bool has_v8,
                std::vector<SamplePart>& parts);

}  // namespace hostlens::symbols
