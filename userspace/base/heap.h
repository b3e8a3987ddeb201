// SPDX-License-Identifier: Apache-2.0
// The process's heap.
#pragma once

namespace hostlens::base {

/// Gives pages of the heap that are free back to the kernel: after something that was big and is
/// over. Takes some milliseconds. Any thread.
void give_heap_back();

}  // namespace hostlens::base
