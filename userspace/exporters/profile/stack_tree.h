// SPDX-License-Identifier: Apache-2.0
// A profile as the tree that flame graphs and folded stacks are drawn from: stacks that read the
// same are one path, whatever their addresses, lines and labels.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "exporters/profile/frame_text.h"
#include "model/profile.h"

namespace hostlens::exporters::profile {

struct StackTree {
  using Id = uint32_t;
  /// Of one profile: the first weight. Of two that are compared: before and after.
  using Weights = std::array<uint64_t, 2>;

  struct Name {
    std::string text;
    Look look = Look::kMark;
    std::string module;  ///< path; one of them when there are several
  };
  struct Node {
    Id parent = 0;
    Id name = 0;
    Weights self{};
    Weights total{};  ///< with its children
  };

  model::ProfileKind kind = model::ProfileKind::kCpu;
  uint32_t hz = 0;
  bool is_diff = false;
  std::vector<Name> names{};
  /// Node 0 is the root of everything and has no name. Parents stand before their children, a
  /// subtree stands together, and siblings are ordered by text.
  std::vector<Node> nodes{};

  [[nodiscard]] const Weights& totals() const { return nodes.front().total; }
};

[[nodiscard]] StackTree tree_of(const model::Profile& profile);
/// Of the same kind; the tree has that of `after`.
[[nodiscard]] StackTree tree_of(const model::Profile& before, const model::Profile& after);

/// Without the nodes of the smallest share, so that no more than `most_nodes` are left. What a node
/// weighs stays; how many are gone is the difference of the sizes.
void prune(StackTree& tree, size_t most_nodes);

}  // namespace hostlens::exporters::profile
