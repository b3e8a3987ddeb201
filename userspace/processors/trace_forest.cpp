// SPDX-License-Identifier: Apache-2.0
#include "processors/trace_forest.h"

namespace hostlens::processors {

TraceForest::Index TraceForest::plant(const model::SpanId& span_id) {
  Index index = kNone;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (nodes_.size() < limit_) {
    index = static_cast<Index>(nodes_.size());
    nodes_.emplace_back();
  } else {
    return kNone;
  }
  Node& node = nodes_[index];
  node = Node{};
  node.span_id = span_id;
  node.references = 1;
  return index;
}

TraceForest::Index TraceForest::root(Index node) const {
  while (nodes_[node].parent != kNone) node = nodes_[node].parent;
  return node;
}

bool TraceForest::has_parent(Index node) const {
  return nodes_[node].parent != kNone || !model::is_zero(nodes_[node].outer_parent);
}

model::SpanId TraceForest::parent_span_id(Index node) const {
  const Node& item = nodes_[node];
  if (item.parent == kNone) return item.outer_parent;
  return nodes_[item.parent].dropped ? model::SpanId{} : nodes_[item.parent].span_id;
}

void TraceForest::set_outer_parent(Index node, const model::TraceId& trace,
                                   const model::SpanId& parent) {
  Node& item = nodes_[node];
  item.outer_parent = parent;
  item.trace = trace;
  item.fixed = true;
}

void TraceForest::fix_trace(Index node, const model::TraceId& trace) {
  Node& item = nodes_[root(node)];
  item.trace = trace;
  item.fixed = true;
}

bool TraceForest::link(Index child, Index parent) {
  if (has_parent(child)) return false;
  uint32_t depth = 0;
  Index top = parent;
  for (; nodes_[top].parent != kNone; top = nodes_[top].parent) {
    if (top == child || ++depth > kDeepest) return false;
  }
  if (top == child) return false;
  Node& below = nodes_[child];
  Node& above = nodes_[top];
  if (below.fixed && above.fixed && below.trace != above.trace) return false;
  if (below.fixed && !above.fixed) {
    above.trace = below.trace;
    above.fixed = true;
  }
  below.parent = parent;
  ++nodes_[parent].references;
  return true;
}

void TraceForest::unlink(Index child) {
  Node& item = nodes_[child];
  if (item.parent == kNone) return;
  const bool keep = trace_fixed(child) && (item.child_left || item.references > 1);
  if (keep) {
    item.trace = trace_id(child);
    item.fixed = true;
  }
  const Index parent = item.parent;
  item.parent = kNone;
  release(parent);
}

void TraceForest::drop(Index node) {
  nodes_[node].dropped = true;
  release(node);
}

void TraceForest::release(Index node) {
  while (node != kNone && --nodes_[node].references == 0) {
    const Index parent = nodes_[node].parent;
    free_.push_back(node);
    if (parent != kNone) nodes_[parent].child_left = true;
    node = parent;
  }
}

}  // namespace hostlens::processors
