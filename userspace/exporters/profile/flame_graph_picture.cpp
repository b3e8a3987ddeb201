// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "exporters/profile/amount_text.h"
#include "exporters/profile/flame_graph.h"
#include "exporters/profile/flame_graph/assets.h"
#include "exporters/profile/markup.h"

namespace hostlens::exporters::profile {
namespace {

using Node = StackTree::Node;

// In units of the picture, which scales to the width that it is shown at. picture.js knows the
// first three as well.
constexpr double kLeft = 10;
constexpr double kWide = 1180;
constexpr double kCharWidth = 7.3;
constexpr double kTop = 62;
constexpr double kRow = 19;
constexpr double kNarrowest = 0.3;  ///< half a pixel on a wide screen

double share(const StackTree& tree, const Node& node, size_t which) {
  const uint64_t whole = tree.totals()[which];
  return whole == 0 ? 0 : static_cast<double>(node.total[which]) / static_cast<double>(whole);
}

/// Of a box: its part of the whole width.
double width_of(const StackTree& tree, const Node& node) {
  const double first = share(tree, node, 0);
  return tree.is_diff ? (first + share(tree, node, 1)) / 2 : first;
}

/// As page.js has it.
std::string_view change_class(double delta) {
  const double size = std::abs(delta);
  if (size < 0.0005) return "same";
  if (delta > 0) return size < 0.01 ? "grew-1" : size < 0.05 ? "grew-2" : "grew-3";
  return size < 0.01 ? "shrank-1" : size < 0.05 ? "shrank-2" : "shrank-3";
}

bool is_shaded(std::string_view text) {
  uint32_t hash = 0;
  for (const char c : text) hash = hash * 31 + static_cast<unsigned char>(c);
  return (hash & 1U) == 1;
}

std::string facts(const StackTree& tree, const Node& node) {
  if (!tree.is_diff) {
    return fmt::format("{:.2f}% of all: {}\nitself {}", 100 * share(tree, node, 0),
                       amount_text(tree, node.total[0]), amount_text(tree, node.self[0]));
  }
  const double before = share(tree, node, 0);
  const double after = share(tree, node, 1);
  return fmt::format("{:.2f}% before, {:.2f}% after: {:+.2f}%", 100 * before, 100 * after,
                     100 * (after - before));
}

/// The first characters of a text, as UTF-8.
std::string cut(std::string_view text, size_t most) {
  size_t characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++characters == most && i + 1 < text.size()) return std::string(text.substr(0, i)) + "…";
  }
  return std::string(text);
}

void append_box(std::string& out, const StackTree& tree, const Node& node, double x, double y,
                double width) {
  const StackTree::Name root{.text = "all", .look = Look::kThread, .module = {}};
  const bool is_root = &node == &tree.nodes.front();
  const StackTree::Name& name = is_root ? root : tree.names[node.name];
  const std::string_view look = tree.is_diff
                                    ? change_class(share(tree, node, 1) - share(tree, node, 0))
                                    : look_class(name.look);
  auto to = std::back_inserter(out);
  const double room = (width * kWide - 6) / kCharWidth;
  const bool has_text = room >= 3;
  fmt::format_to(to, R"(<g class="box{}{}" data-w="{}" tabindex="0" role="button"><title>{})",
                 is_shaded(name.text) ? " shade" : "", has_text ? " wide" : "",
                 std::llround(1e6 * width), escape_markup(name.text));
  if (!name.module.empty()) fmt::format_to(to, "\n{}", escape_markup(name.module));
  fmt::format_to(to, "\n{}</title>", facts(tree, node));
  fmt::format_to(to, R"(<rect class="{}" x="{:.3f}" y="{:.0f}" width="{:.3f}" height="{:.0f}"/>)",
                 look, x, y, width * kWide, kRow - 1);
  if (has_text) {
    fmt::format_to(to, R"(<text x="{:.3f}" y="{:.0f}">{}</text>)", x + 4, y + 14,
                   escape_markup(cut(name.text, static_cast<size_t>(room))));
  }
  out += "</g>\n";
}

std::string summary(const StackTree& tree) {
  if (tree.is_diff) {
    return "before " + amount_text(tree, tree.totals()[0]) + ", after " +
           amount_text(tree, tree.totals()[1]) + ", a box is as wide as the mean of both shares";
  }
  return (tree.kind == model::ProfileKind::kOffCpu ? "Off CPU: " : "On CPU: ") +
         amount_text(tree, tree.totals()[0]);
}

}  // namespace

std::string flame_graph_picture(StackTree tree, std::string_view title, size_t most_nodes) {
  const size_t all = tree.nodes.size();
  prune(tree, most_nodes);
  // The root is as wide as the picture, even when one of two profiles is empty.
  const double whole = width_of(tree, tree.nodes.front());
  std::vector<double> next(tree.nodes.size(), kLeft);  // where the next child of a node begins
  std::vector<size_t> depths(tree.nodes.size(), 0);
  std::string boxes;
  size_t deepest = 0;
  size_t drawn = 0;
  for (size_t i = 0; i < tree.nodes.size(); ++i) {
    const Node& node = tree.nodes[i];
    const double share_of_all = i == 0 ? 1 : width_of(tree, node) / whole;
    const double width = share_of_all * kWide;
    const double x = i == 0 ? kLeft : next[node.parent];
    if (i > 0) {
      next[node.parent] += width;
      depths[i] = depths[node.parent] + 1;
    }
    next[i] = x;
    if (i > 0 && width < kNarrowest) continue;
    ++drawn;
    deepest = std::max(deepest, depths[i]);
    append_box(boxes, tree, node, x, kTop + static_cast<double>(depths[i]) * kRow, share_of_all);
  }
  const double height = kTop + static_cast<double>(deepest + 1) * kRow + 12;
  std::string about = summary(tree);
  if (drawn < all) about += fmt::format(" ({} narrow boxes are left out)", all - drawn);
  return fill_template(assets::kPicture, {{"title", escape_markup(title)},
                                          {"height", fmt::format("{:.0f}", height)},
                                          {"looks", std::string(assets::kLooks)},
                                          {"style", std::string(assets::kPictureStyle)},
                                          {"summary", escape_markup(about)},
                                          {"boxes", std::move(boxes)},
                                          {"script", std::string(assets::kPictureScript)}});
}

}  // namespace hostlens::exporters::profile
