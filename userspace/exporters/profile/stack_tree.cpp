// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/stack_tree.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/hash.h"

namespace hostlens::exporters::profile {
namespace {

using Id = StackTree::Id;
using Node = StackTree::Node;

struct EdgeHash {
  size_t operator()(uint64_t edge) const { return base::mix(0, edge); }
};

/// Adds the paths of one profile after the other; nodes are in order of their first path.
class Builder {
 public:
  explicit Builder(StackTree& tree) : tree_(tree) { tree_.nodes.resize(1); }

  void add(const model::Profile& profile, size_t which) {
    ids_by_text_.clear();  // its views are the texts of the profile before
    for (Id id = 0; id < tree_.names.size(); ++id) kept_ids_.emplace(tree_.names[id].text, id);
    const PathTexts texts(profile);
    std::vector<PathStep> path;
    for (const model::Profile::Entry& entry : profile.entries()) {
      texts.path_of(entry, path);
      Id node = 0;
      for (const PathStep& step : path) {
        node = child(node, name_of(step));
      }
      tree_.nodes[node].self[which] += entry.weight;
    }
  }

 private:
  Id name_of(const PathStep& step) {
    const auto [place, is_new] = ids_by_text_.try_emplace(step.text, Id{0});
    if (is_new) {
      const auto kept = kept_ids_.find(std::string(step.text));
      place->second = kept != kept_ids_.end() ? kept->second : static_cast<Id>(tree_.names.size());
      if (kept == kept_ids_.end()) {
        tree_.names.push_back({std::string(step.text), step.look, module_of(step)});
      }
    }
    StackTree::Name& name = tree_.names[place->second];
    // Of several the smallest, so that the order of samples tells nothing.
    if (step.look < name.look) name.look = step.look;
    if (step.frame != nullptr && step.frame->module != nullptr &&
        (name.module.empty() || step.frame->module->path < name.module)) {
      name.module = step.frame->module->path;
    }
    return place->second;
  }

  static std::string module_of(const PathStep& step) {
    return step.frame != nullptr && step.frame->module != nullptr ? step.frame->module->path : "";
  }

  Id child(Id parent, Id name) {
    const uint64_t edge = uint64_t{parent} << 32U | name;
    const auto [place, is_new] = children_.try_emplace(edge, static_cast<Id>(tree_.nodes.size()));
    if (is_new) tree_.nodes.push_back({.parent = parent, .name = name});
    return place->second;
  }

  StackTree& tree_;
  std::unordered_map<std::string_view, Id> ids_by_text_;
  std::unordered_map<std::string, Id> kept_ids_;
  std::unordered_map<uint64_t, Id, EdgeHash> children_;
};

void sum_up(std::vector<Node>& nodes) {
  for (Node& node : nodes) node.total = node.self;
  for (size_t i = nodes.size(); i-- > 1;) {  // parents stand before children
    for (size_t which = 0; which < 2; ++which) {
      nodes[nodes[i].parent].total[which] += nodes[i].total[which];
    }
  }
}

/// The same nodes as a walk from the root visits them.
std::vector<Node> walked(const StackTree& tree) {
  const std::vector<Node>& nodes = tree.nodes;
  std::vector<Id> order(nodes.size() - 1);
  std::iota(order.begin(), order.end(), Id{1});
  std::sort(order.begin(), order.end(), [&](Id a, Id b) {
    if (nodes[a].parent != nodes[b].parent) return nodes[a].parent < nodes[b].parent;
    return tree.names[nodes[a].name].text >
           tree.names[nodes[b].name].text;  // the last is taken first
  });
  std::vector<size_t> first_child(nodes.size() + 1, 0);
  for (const Id node : order) ++first_child[nodes[node].parent + 1];
  std::partial_sum(first_child.begin(), first_child.end(), first_child.begin());

  std::vector<Node> result;
  result.reserve(nodes.size());
  std::vector<std::pair<Id, Id>> waiting{{0, 0}};  // a node, and where its parent is in the result
  while (!waiting.empty()) {
    const auto [id, parent] = waiting.back();
    waiting.pop_back();
    const Id place = static_cast<Id>(result.size());
    result.push_back(nodes[id]);
    result.back().parent = parent;
    for (size_t i = first_child[id]; i < first_child[id + 1]; ++i) {
      waiting.emplace_back(order[i], place);
    }
  }
  return result;
}

/// Names in order of their first node.
void number_names(StackTree& tree) {
  constexpr Id kNone = ~Id{0};
  std::vector<Id> numbers(tree.names.size(), kNone);
  std::vector<StackTree::Name> names;
  for (size_t i = 1; i < tree.nodes.size(); ++i) {
    Id& name = tree.nodes[i].name;
    if (numbers[name] == kNone) {
      numbers[name] = static_cast<Id>(names.size());
      names.push_back(std::move(tree.names[name]));
    }
    name = numbers[name];
  }
  tree.names = std::move(names);
}

void finish(StackTree& tree) {
  tree.nodes = walked(tree);
  sum_up(tree.nodes);
  number_names(tree);
}

}  // namespace

StackTree tree_of(const model::Profile& profile) {
  StackTree tree{.kind = profile.settings().kind, .hz = profile.settings().hz};
  Builder(tree).add(profile, 0);
  finish(tree);
  return tree;
}

StackTree tree_of(const model::Profile& before, const model::Profile& after) {
  StackTree tree{.kind = after.settings().kind, .hz = after.settings().hz, .is_diff = true};
  Builder builder(tree);
  builder.add(before, 0);
  builder.add(after, 1);
  finish(tree);
  return tree;
}

void prune(StackTree& tree, size_t most_nodes) {
  if (tree.nodes.size() <= most_nodes) return;
  // The share in either profile; a child has never more than its parent.
  const auto share = [&tree](const Node& node) {
    double most = 0;
    for (size_t which = 0; which < 2; ++which) {
      const auto whole = static_cast<double>(tree.totals()[which]);
      if (whole > 0) most = std::max(most, static_cast<double>(node.total[which]) / whole);
    }
    return most;
  };
  std::vector<double> shares;
  shares.reserve(tree.nodes.size());
  for (const Node& node : tree.nodes) shares.push_back(share(node));
  std::vector<double> sorted = shares;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(most_nodes),
                   sorted.end(), std::greater<>());
  const double limit = sorted[most_nodes];  // the largest share that has to go
  std::vector<Id> places(tree.nodes.size());
  std::vector<Node> kept{tree.nodes.front()};
  for (size_t i = 1; i < tree.nodes.size(); ++i) {
    if (shares[i] <= limit) continue;
    places[i] = static_cast<Id>(kept.size());
    kept.push_back(tree.nodes[i]);
    kept.back().parent = places[tree.nodes[i].parent];
  }
  tree.nodes = std::move(kept);
  number_names(tree);
}

}  // namespace hostlens::exporters::profile
