// SPDX-License-Identifier: Apache-2.0
// The order of a profile's entries: by labels, then by the names on the way from the root.
#include <algorithm>
#include <numeric>
#include <string_view>
#include <tuple>

#include "model/profile.h"

namespace hostlens::model {
namespace {

using Id = Profile::Id;

/// Everything that makes two frames different, so that no tie is left to chance.
auto order_of(const Frame& frame) {
  static const Function no_function;
  static const Module no_module;
  const Function& function = frame.function != nullptr ? *frame.function : no_function;
  const Module& module = frame.module != nullptr ? *frame.module : no_module;
  return std::tuple(frame.function != nullptr, std::string_view(function.name),
                    std::string_view(function.file), frame.kind, std::string_view(module.path),
                    frame.address, frame.line, frame.inlined, frame.module != nullptr,
                    std::string_view(module.build_id), module.start, module.limit, module.offset,
                    std::string_view(function.system_name));
}

/// Place of each element in the sorted order.
template <typename Less>
std::vector<Id> ranks(size_t count, Less less) {
  std::vector<Id> order(count);
  std::iota(order.begin(), order.end(), Id{0});
  std::sort(order.begin(), order.end(), less);
  std::vector<Id> result(count);
  for (size_t i = 0; i < count; ++i) result[order[i]] = static_cast<Id>(i);
  return result;
}

/// Places of the stacks in a walk over their tree that visits children in the order of frames.
std::vector<Id> stack_ranks(const std::vector<Profile::Node>& nodes,
                            const std::vector<Id>& frame_ranks) {
  std::vector<Id> by_parent(nodes.size() - 1);
  std::iota(by_parent.begin(), by_parent.end(), Id{1});
  // Descending: the walk takes the last of its stack first.
  std::sort(by_parent.begin(), by_parent.end(), [&](Id a, Id b) {
    return std::tuple(nodes[a].parent, frame_ranks[nodes[b].frame]) <
           std::tuple(nodes[b].parent, frame_ranks[nodes[a].frame]);
  });
  std::vector<size_t> first_child(nodes.size() + 1, 0);
  for (const Id node : by_parent) ++first_child[nodes[node].parent + 1];
  std::partial_sum(first_child.begin(), first_child.end(), first_child.begin());

  std::vector<Id> result(nodes.size());
  std::vector<Id> waiting{Profile::kEmptyStack};
  for (Id place = 0; !waiting.empty(); ++place) {
    const Id node = waiting.back();
    waiting.pop_back();
    result[node] = place;
    for (size_t i = first_child[node]; i < first_child[node + 1]; ++i) {
      waiting.push_back(by_parent[i]);
    }
  }
  return result;
}

}  // namespace

std::vector<Profile::Entry> Profile::sorted_entries() const {
  const std::vector<Id> labels =
      ranks(labels_.size(), [this](Id a, Id b) { return labels_[a] < labels_[b]; });
  const std::vector<Id> frames = ranks(
      frames_.size(), [this](Id a, Id b) { return order_of(frames_[a]) < order_of(frames_[b]); });
  const std::vector<Id> stacks = stack_ranks(nodes_, frames);
  std::vector<Entry> entries = entries_;
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    return std::tuple(labels[a.labels], stacks[a.stack]) <
           std::tuple(labels[b.labels], stacks[b.stack]);
  });
  return entries;
}

}  // namespace hostlens::model
