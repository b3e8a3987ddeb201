// SPDX-License-Identifier: Apache-2.0
// Whose mappings profiles may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_set>
#include <utility>

namespace hostlens::agent {

/// Where the kernel samples targets alone, these are the processes that it sent a notice of, while
/// they live: the worker does not know the targets. Else those that are wanted. One thread.
class MappingScope {
 public:
  using Test = std::function<bool(uint32_t pid)>;

  /// `wanted`: null for everybody.
  [[nodiscard]] static MappingScope of_host(Test wanted) {
    MappingScope scope;
    scope.wanted_ = std::move(wanted);
    return scope;
  }
  /// `target`: known from the beginning, 0 where there is none.
  [[nodiscard]] static MappingScope of_targets(uint32_t target) {
    MappingScope scope;
    scope.noticed_.emplace();
    scope.target_ = target;
    return scope;
  }

  void on_notice(uint32_t pid) {
    if (noticed_) noticed_->insert(pid);
  }
  [[nodiscard]] bool includes(uint32_t pid) const {
    if (noticed_) return (target_ != 0 && pid == target_) || noticed_->contains(pid);
    return !wanted_ || wanted_(pid);
  }
  /// Their numbers may be anybody's by now.
  void forget_ended(const Test& lives) {
    if (noticed_) std::erase_if(*noticed_, [&](uint32_t pid) { return !lives(pid); });
  }
  [[nodiscard]] size_t noticed() const { return noticed_ ? noticed_->size() : 0; }

 private:
  MappingScope() = default;

  std::optional<std::unordered_set<uint32_t>> noticed_;
  uint32_t target_ = 0;
  Test wanted_;
};

}  // namespace hostlens::agent
