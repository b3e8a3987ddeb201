// SPDX-License-Identifier: Apache-2.0
#include "model/stack.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace hostlens::model {

struct Stack::Node {
  Node(Frame leaf, std::shared_ptr<const Node> called_by)
      : frame(std::move(leaf)), caller(std::move(called_by)) {
    root = caller == nullptr ? this : caller->root;
    if (caller != nullptr) {
      depth = caller->depth + 1;
      counts = caller->counts;
    }
    const size_t kind = std::min<size_t>(static_cast<size_t>(frame.kind), kKinds - 1);
    uint16_t& count = counts[kind][frame.function != nullptr ? 1 : 0];
    if (count != std::numeric_limits<uint16_t>::max()) ++count;
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// One after the other: recursion as deep as the stack would need a stack like it.
  ~Node() {
    std::shared_ptr<const Node> next = std::move(caller);
    while (next != nullptr && next.use_count() == 1) next = std::move(next->caller);
  }

  const Frame frame;
  mutable std::shared_ptr<const Node> caller;  ///< taken by who destroys the last reference
  const Node* root;
  size_t depth = 1;
  Counts counts{};
};

Stack::Iterator::reference Stack::Iterator::operator*() const { return node_->frame; }

Stack::Iterator& Stack::Iterator::operator++() {
  node_ = node_->caller.get();
  return *this;
}

Stack::Iterator Stack::Iterator::operator++(int) {
  const Iterator before = *this;
  ++*this;
  return before;
}

Stack Stack::of(std::span<const Frame> leaf_first) {
  Stack stack;
  for (size_t i = leaf_first.size(); i-- > 0;) stack.push(leaf_first[i]);
  return stack;
}

void Stack::push(Frame leaf) {
  top_ = std::make_shared<const Node>(std::move(leaf), std::move(top_));
}

void Stack::pop() {
  std::shared_ptr<const Node> callers = top_->caller;
  top_ = std::move(callers);
}

size_t Stack::depth() const { return top_ == nullptr ? 0 : top_->depth; }

const Frame& Stack::leaf() const { return top_->frame; }

const Frame& Stack::root() const { return top_->root->frame; }

const Stack::Counts& Stack::counts() const {
  static constexpr Counts kNone{};
  return top_ == nullptr ? kNone : top_->counts;
}

}  // namespace hostlens::model
