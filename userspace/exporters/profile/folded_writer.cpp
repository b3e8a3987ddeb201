// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "exporters/profile/folded.h"
#include "exporters/profile/stack_tree.h"

namespace hostlens::exporters::profile {
namespace {

/// Nanoseconds to microseconds, so that what is cut off one line goes to a later one.
class Rounding {
 public:
  explicit Rounding(model::ProfileKind kind)
      : divisor_(kind == model::ProfileKind::kOffCpu ? 1000 : 1), rest_(divisor_ / 2) {}

  uint64_t operator()(uint64_t weight) {
    rest_ += weight % divisor_;
    const uint64_t carry = rest_ / divisor_;
    rest_ %= divisor_;
    return weight / divisor_ + carry;
  }

 private:
  uint64_t divisor_;
  uint64_t rest_;
};

std::string folded(const StackTree& tree) {
  std::string out;
  std::string path;
  std::vector<size_t> lengths(tree.nodes.size(), 0);  // of the path up to and with each node
  Rounding before(tree.kind);
  Rounding after(tree.kind);
  for (size_t i = 1; i < tree.nodes.size(); ++i) {
    const StackTree::Node& node = tree.nodes[i];
    path.resize(lengths[node.parent]);
    if (!path.empty()) path += ';';
    path += tree.names[node.name].text;
    lengths[i] = path.size();
    const uint64_t first = before(node.self[0]);
    const uint64_t second = after(node.self[1]);
    if (first == 0 && second == 0) continue;
    if (tree.is_diff) {
      fmt::format_to(std::back_inserter(out), "{} {} {}\n", path, first, second);
    } else {
      fmt::format_to(std::back_inserter(out), "{} {}\n", path, first);
    }
  }
  return out;
}

}  // namespace

std::string write_folded(const model::Profile& profile) { return folded(tree_of(profile)); }

std::string write_folded_diff(const model::Profile& before, const model::Profile& after) {
  return folded(tree_of(before, after));
}

}  // namespace hostlens::exporters::profile
