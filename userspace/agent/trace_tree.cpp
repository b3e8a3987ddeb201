// SPDX-License-Identifier: Apache-2.0
#include "agent/trace_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <vector>

#include "agent/quantity.h"
#include "agent/terminal_text.h"
#include "web/json_fields.h"

namespace hostlens::agent {
namespace {

using nlohmann::json;

constexpr size_t kMostSpans = 200;
constexpr size_t kBarWidth = 24;
constexpr size_t kLeastWidth = 65;  ///< a line is not narrower than this
constexpr size_t kLeastLabel = 10;

struct TreeSpan {
  std::string id;
  std::string parent;
  std::string service;
  std::string name;
  std::string kind;
  std::string status;
  uint64_t start_ns = 0;
  uint64_t end_ns = 0;
  int64_t http_status = 0;
};

TreeSpan read_span(const json& value) {
  TreeSpan span;
  value.at("span_id").get_to(span.id);
  value.at("name").get_to(span.name);
  value.at("kind").get_to(span.kind);
  value.at("status").get_to(span.status);
  span.start_ns = web::unsigned_of(value.at("start_unix_ns"));
  span.end_ns = std::max(span.start_ns, web::unsigned_of(value.at("end_unix_ns")));
  span.parent = value.value("parent_span_id", "");
  span.service = value.value("service", "");
  const json& attributes = value.at("attributes");
  if (const auto status = attributes.find("http.response.status_code");
      status != attributes.end()) {
    span.http_status = web::integer_of(*status);
  }
  return span;
}

using Rank = std::tuple<size_t, size_t, uint64_t>;  // services, spans, start

Rank rank_of(const std::vector<TreeSpan>& spans) {
  std::set<std::string> services;
  uint64_t start_ns = 0;
  for (const TreeSpan& span : spans) {
    services.insert(span.service);
    start_ns = std::max(start_ns, span.start_ns);
  }
  return {services.size(), spans.size(), start_ns};
}

class Renderer {
 public:
  Renderer(const std::vector<TreeSpan>& spans, size_t width)
      : room_(std::max(width, kLeastWidth) - kBarWidth - 14) {
    std::set<std::string> ids;
    for (const TreeSpan& span : spans) ids.insert(span.id);
    start_ns_ = spans.front().start_ns;
    for (const TreeSpan& span : spans) {
      start_ns_ = std::min(start_ns_, span.start_ns);
      end_ns_ = std::max(end_ns_, span.end_ns);
      by_start_.push_back(&span);
    }
    std::stable_sort(by_start_.begin(), by_start_.end(), [](const TreeSpan* a, const TreeSpan* b) {
      return a->start_ns < b->start_ns;
    });
    for (const TreeSpan* span : by_start_) {
      if (!span->parent.empty() && span->parent != span->id && ids.contains(span->parent)) {
        children_[span->parent].push_back(span);
      } else {
        roots_.push_back(span);
      }
    }
  }

  std::string text() {
    walk(roots_, "", 0);
    // Only a stranger's answer has spans that no root leads to: parents in a circle.
    for (const TreeSpan* span : by_start_) walk({span}, "", 0);
    return std::move(out_);
  }

 private:
  /// Each span once, however often its parent's id occurs; so deep at most as there are spans.
  void walk(const std::vector<const TreeSpan*>& list, const std::string& indent, size_t depth) {
    // Deeper ones keep the indent of the deepest that leaves room for a name.
    const size_t deepest = (room_ - kLeastLabel) / 3;
    const bool step = depth > 0 && depth <= deepest;
    for (size_t i = 0; i < list.size(); ++i) {
      if (!written_.insert(list[i]).second) continue;
      const bool last = i + 1 == list.size();
      line(*list[i], indent + (step ? (last ? "└─ " : "├─ ") : ""), std::min(depth, deepest) * 3);
      const auto below = children_.find(list[i]->id);
      if (below == children_.end()) continue;
      walk(below->second, indent + (step ? (last ? "   " : "│  ") : ""), depth + 1);
    }
  }

  void line(const TreeSpan& span, const std::string& indent, size_t indent_columns) {
    std::string label = fmt::format("{} {} {}", span.service, span.kind, span.name);
    if (span.http_status != 0) label += fmt::format(" {}", span.http_status);
    if (span.status == "error") label += " ERROR";
    out_ += indent + terminal_cell(label, room_ - indent_columns);
    const auto duration = static_cast<double>(span.end_ns - span.start_ns) / 1e9;
    out_ += fmt::format("{:>10}  {}\n", duration_text(duration), bar(span));
  }

  [[nodiscard]] std::string bar(const TreeSpan& span) const {
    const double whole = std::max<double>(1, static_cast<double>(end_ns_ - start_ns_));
    const auto column = [&](uint64_t time_ns) {
      const double share = static_cast<double>(time_ns - start_ns_) / whole;
      return static_cast<size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(kBarWidth));
    };
    const size_t begin = std::min(column(span.start_ns), kBarWidth - 1);
    const size_t end = std::max(column(span.end_ns), begin + 1);
    std::string text(begin, ' ');
    for (size_t i = begin; i < end; ++i) text += "━";
    return text;
  }

  size_t room_;  ///< columns for indent and label
  uint64_t start_ns_ = 0;
  uint64_t end_ns_ = 0;
  std::vector<const TreeSpan*> by_start_;
  std::vector<const TreeSpan*> roots_;
  std::map<std::string, std::vector<const TreeSpan*>> children_;
  std::set<const TreeSpan*> written_;
  std::string out_;
};

}  // namespace

base::Result<std::string> trace_tree(std::string_view text, size_t width) {
  try {
    const json document = json::parse(text);
    std::string best_id;
    std::vector<TreeSpan> best;
    Rank best_rank;
    for (const json& trace : document.at("traces")) {
      std::vector<TreeSpan> spans;
      for (const json& span : trace.at("spans")) {
        if (spans.size() == kMostSpans) break;
        spans.push_back(read_span(span));
      }
      if (spans.empty() || rank_of(spans) <= best_rank) continue;
      best_rank = rank_of(spans);
      best_id = trace.at("trace_id").get<std::string>();
      best = std::move(spans);
    }
    if (best.empty()) return std::string();
    return fmt::format("trace {}\n", terminal_text(best_id, 32)) + Renderer(best, width).text();
  } catch (const json::exception&) {
    return base::invalid_error("not an answer of a hostlens agent");
  }
}

}  // namespace hostlens::agent
