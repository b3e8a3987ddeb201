// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "base/utf8.h"
#include "exporters/profile/flame_graph.h"
#include "exporters/profile/flame_graph/assets.h"
#include "exporters/profile/markup.h"

namespace hostlens::exporters::profile {
namespace {

using Json = nlohmann::ordered_json;

/// What page.js reads; see there.
Json page_data(const StackTree& tree, size_t hidden) {
  Json looks = Json::array();
  for (size_t i = 0; i < kLooks; ++i) looks.push_back(look_class(static_cast<Look>(i)));
  Json modules = Json::array({""});
  std::unordered_map<std::string, size_t> module_places{{"", 0}};
  Json names = Json::array();
  for (const StackTree::Name& name : tree.names) {
    std::string module = line_safe(name.module);
    const auto [place, is_new] = module_places.try_emplace(module, modules.size());
    if (is_new) modules.push_back(std::move(module));
    names.push_back(Json::array({name.text, static_cast<int>(name.look), place->second}));
  }
  Json nodes = Json::array();
  for (const StackTree::Node& node : tree.nodes) {
    nodes.push_back(node.parent);
    nodes.push_back(node.name);
    nodes.push_back(node.total[0]);
    if (tree.is_diff) nodes.push_back(node.total[1]);
    nodes.push_back(node.self[0]);
    if (tree.is_diff) nodes.push_back(node.self[1]);
  }
  const bool is_time = tree.kind == model::ProfileKind::kOffCpu;
  return Json{{"unit", is_time ? "nanoseconds" : "samples"},
              {"hz", tree.hz},
              {"diff", tree.is_diff},
              {"hidden", hidden},
              {"looks", std::move(looks)},
              {"modules", std::move(modules)},
              {"names", std::move(names)},
              {"nodes", std::move(nodes)}};
}

}  // namespace

std::string_view look_class(Look look) {
  switch (look) {
    case Look::kThread:
      return "thread";
    case Look::kMark:
      return "mark";
    case Look::kNameless:
      return "nameless";
    case Look::kNative:
      return "native";
    case Look::kKernel:
      return "kernel";
    case Look::kGo:
      return "go";
    case Look::kPython:
      return "python";
    case Look::kJava:
      return "java";
    case Look::kJavaScript:
      return "javascript";
    case Look::kJit:
      return "jit";
  }
  return "mark";
}

std::string flame_graph_page(StackTree tree, std::string_view title, size_t most_nodes) {
  const size_t all = tree.nodes.size();
  prune(tree, most_nodes);
  const Json data = page_data(tree, all - tree.nodes.size());
  return fill_template(assets::kPage, {{"title", escape_markup(title)},
                                       {"looks", std::string(assets::kLooks)},
                                       {"looks_hash", std::string(assets::kLooksHash)},
                                       {"style", std::string(assets::kPageStyle)},
                                       {"style_hash", std::string(assets::kPageStyleHash)},
                                       {"script", std::string(assets::kPageScript)},
                                       {"script_hash", std::string(assets::kPageScriptHash)},
                                       {"profile", script_safe_json(data.dump())}});
}

}  // namespace hostlens::exporters::profile
