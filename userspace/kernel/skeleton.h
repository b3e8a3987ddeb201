// SPDX-License-Identifier: Apache-2.0
// Ownership of what bpftool generates.
#pragma once

#include <memory>

namespace hostlens::kernel {

/// T is a `<probe>_bpf` of a *.skel.h. Destroying it detaches and unloads everything that it
/// loaded.
template <typename T>
struct DestroySkeleton {
  void operator()(T* skeleton) const { T::destroy(skeleton); }
};
template <typename T>
using Skeleton = std::unique_ptr<T, DestroySkeleton<T>>;

}  // namespace hostlens::kernel
