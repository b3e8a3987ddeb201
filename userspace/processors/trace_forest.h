// SPDX-License-Identifier: Apache-2.0
// Which exchange is whose child, kept as references until a span leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/trace_context.h"

namespace hostlens::processors {

/// Trees of spans. A trace id belongs to a root and is chosen when the first span of its tree
/// leaves, so that ends seen in any order still join; a tree whose id has left keeps it. Nodes live
/// until they and all their children have left. Bounded by `limit` nodes. Shard thread only.
class TraceForest {
 public:
  using Index = uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  explicit TraceForest(size_t limit) : limit_(limit) {}

  /// A root without trace id; kNone when the forest is full.
  [[nodiscard]] Index plant(const model::SpanId& span_id);
  /// The node is a child of a span outside the forest.
  void set_outer_parent(Index node, const model::TraceId& trace, const model::SpanId& parent);
  /// Makes the root `child` a child of `parent`. False, and nothing is changed: it has a parent
  /// already, both trees have left with different trace ids, or the tree would become a circle or
  /// too deep.
  bool link(Index child, Index parent);
  /// Takes the link to its parent back; the node keeps the tree's trace id only when one of its own
  /// children may have left with it.
  void unlink(Index child);

  [[nodiscard]] bool is_root(Index node) const { return nodes_[node].parent == kNone; }
  /// Has a parent, inside or outside the forest.
  [[nodiscard]] bool has_parent(Index node) const;
  [[nodiscard]] Index parent(Index node) const { return nodes_[node].parent; }
  [[nodiscard]] const model::SpanId& span_id(Index node) const { return nodes_[node].span_id; }
  [[nodiscard]] model::SpanId parent_span_id(Index node) const;
  [[nodiscard]] bool trace_fixed(Index node) const { return nodes_[root(node)].fixed; }
  [[nodiscard]] const model::TraceId& trace_id(Index node) const {
    return nodes_[root(node)].trace;
  }
  /// Chooses the tree's trace id; only when !trace_fixed(node).
  void fix_trace(Index node, const model::TraceId& trace);

  /// The node's span has left.
  void leave(Index node) { release(node); }
  /// The node's span will never leave: its children have no parent then, but stay in their trace.
  void drop(Index node);
  [[nodiscard]] size_t size() const { return nodes_.size() - free_.size(); }

 private:
  static constexpr uint32_t kDeepest = 64;

  struct Node {
    model::TraceId trace{};  ///< of a root, once fixed
    model::SpanId span_id{};
    model::SpanId outer_parent{};
    Index parent = kNone;
    uint32_t references = 0;  ///< itself until it leaves, and each child
    bool fixed = false;
    bool dropped = false;
    bool child_left = false;
  };

  [[nodiscard]] Index root(Index node) const;
  void release(Index node);

  size_t limit_;
  std::vector<Node> nodes_;
  std::vector<Index> free_;
};

}  // namespace hostlens::processors
