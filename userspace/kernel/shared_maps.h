// SPDX-License-Identifier: Apache-2.0
// Maps that several BPF objects have in common.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

struct bpf_object;

namespace hostlens::kernel {

/// The first object that is loaded with a map of a shared name makes it, those after it use the
/// same. One thread.
class SharedMaps {
 public:
  explicit SharedMaps(std::vector<std::string> names) : names_(std::move(names)) {}

  /// A map that was made elsewhere; duplicates the descriptor.
  [[nodiscard]] base::Result<void> put(std::string_view name, int fd);
  /// Between opening and loading an object.
  [[nodiscard]] base::Result<void> lend(bpf_object* object) const;
  /// After loading it.
  [[nodiscard]] base::Result<void> learn(bpf_object* object);
  /// -1 when nobody made it. Owned by this.
  [[nodiscard]] int fd(std::string_view name) const;

 private:
  std::vector<std::string> names_;
  std::map<std::string, base::UniqueFd, std::less<>> fds_;
};

}  // namespace hostlens::kernel
