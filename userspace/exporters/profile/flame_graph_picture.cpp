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
constexpr double kNarrowest = 0.1;  ///< less than a pixel even on a wide screen

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

void append_box(std::string& out, const StackTree& tree, const Node& node, double x, double y) {
  const StackTree::Name root{.text = "all", .look = Look::kThread, .module = {}};
  const bool is_root = &node == &tree.nodes.front();
  const StackTree::Name& name = is_root ? root : tree.names[node.name];
  const double width = width_of(tree, node);
  const std::string_view look = tree.is_diff
                                    ? change_class(share(tree, node, 1) - share(tree, node, 0))
                                    : look_class(name.look);
  auto to = std::back_inserter(out);
  fmt::format_to(to, R"(<g class="box{}" data-w="{}" tabindex="0" role="button"><title>{})",
                 is_shaded(name.text) ? " shade" : "", std::llround(1e6 * width),
                 escape_markup(name.text));
  if (!name.module.empty()) fmt::format_to(to, "\n{}", escape_markup(name.module));
  fmt::format_to(to, "\n{}</title>", facts(tree, node));
  fmt::format_to(
      to, R"(<rect class="{}" x="{:.3f}" y="{:.0f}" width="{:.3f}" height="{:.0f}" rx="1"/>)", look,
      x, y, width * kWide, kRow - 1);
  const double room = (width * kWide - 6) / kCharWidth;
  if (room >= 3) {
    fmt::format_to(to, R"(<text x="{:.3f}" y="{:.0f}">{}</text>)", x + 4, y + 14,
                   escape_markup(cut(name.text, static_cast<size_t>(room))));
  }
  out += "</g>\n";
}

std::string summary(const StackTree& tree) {
  if (tree.is_diff) {
    return "before " + amount_text(tree, tree.totals()[0]) + "; after " +
           amount_text(tree, tree.totals()[1]) + "; a box is as wide as the mean of both shares";
  }
  return (tree.kind == model::ProfileKind::kOffCpu ? "Off CPU: " : "On CPU: ") +
         amount_text(tree, tree.totals()[0]);
}

}  // namespace

std::string flame_graph_picture(StackTree tree, std::string_view title) {
  prune(tree, kMostPictureNodes);
  std::vector<double> next(tree.nodes.size(), kLeft);  // where the next child of a node begins
  std::vector<size_t> depths(tree.nodes.size(), 0);
  std::string boxes;
  size_t deepest = 0;
  for (size_t i = 0; i < tree.nodes.size(); ++i) {
    const Node& node = tree.nodes[i];
    const double width = i == 0 ? kWide : width_of(tree, node) * kWide;
    const double x = i == 0 ? kLeft : next[node.parent];
    if (i > 0) {
      next[node.parent] += width;
      depths[i] = depths[node.parent] + 1;
    }
    next[i] = x;
    if (i > 0 && width < kNarrowest) continue;
    deepest = std::max(deepest, depths[i]);
    append_box(boxes, tree, node, x, kTop + static_cast<double>(depths[i]) * kRow);
  }
  const double height = kTop + static_cast<double>(deepest + 1) * kRow + 12;
  const std::string safe_title = escape_markup(title);
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1200 {0:.0f}\" width=\"100%\">\n"
      "<title>{1}</title>\n<style>{2}{3}</style>\n"
      "<text class=\"title\" x=\"10\" y=\"24\">{1}</text>\n"
      "<text class=\"quiet\" x=\"10\" y=\"46\">{4}</text>\n"
      "<text class=\"quiet\" id=\"matched\" x=\"900\" y=\"46\" text-anchor=\"end\"></text>\n"
      "<foreignObject x=\"910\" y=\"28\" width=\"290\" height=\"32\">"
      "<div xmlns=\"http://www.w3.org/1999/xhtml\"><input id=\"search\" type=\"search\" "
      "placeholder=\"Search\" aria-label=\"Search functions and modules\"/> "
      "<button id=\"reset\" type=\"button\">Reset</button></div></foreignObject>\n",
      height, safe_title, assets::kLooks, assets::kPictureStyle, escape_markup(summary(tree)));
  out += "<g id=\"frames\">\n" + boxes + "</g>\n<script><![CDATA[";
  out += assets::kPictureScript;
  out += "]]></script>\n</svg>\n";
  return out;
}

}  // namespace hostlens::exporters::profile
