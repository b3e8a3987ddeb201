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
#include "agent/request_table.h"

namespace hostlens::agent {
namespace {

using nlohmann::json;

constexpr size_t kMostSpans = 200;
constexpr size_t kMostDepth = 64;
constexpr size_t kBarWidth = 24;

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
  value.at("start_unix_ns").get_to(span.start_ns);
  value.at("end_unix_ns").get_to(span.end_ns);
  span.parent = value.value("parent_span_id", "");
  span.service = value.value("service", "");
  span.http_status = value.at("attributes").value("http.response.status_code", int64_t{0});
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
  Renderer(const std::vector<TreeSpan>& spans, size_t width) : width_(width) {
    std::set<std::string> ids;
    for (const TreeSpan& span : spans) ids.insert(span.id);
    start_ns_ = spans.front().start_ns;
    for (const TreeSpan& span : spans) {
      start_ns_ = std::min(start_ns_, span.start_ns);
      end_ns_ = std::max(end_ns_, span.end_ns);
      children_[ids.contains(span.parent) && span.parent != span.id ? span.parent : ""].push_back(
          &span);
    }
    for (auto& [parent, list] : children_) {
      std::stable_sort(list.begin(), list.end(), [](const TreeSpan* left, const TreeSpan* right) {
        return left->start_ns < right->start_ns;
      });
    }
  }

  std::string text() {
    walk("", "", 0);
    return std::move(out_);
  }

 private:
  void walk(const std::string& parent, const std::string& indent, size_t depth) {
    const auto found = children_.find(parent);
    if (found == children_.end() || depth > kMostDepth) return;
    const auto& list = found->second;
    for (size_t i = 0; i < list.size(); ++i) {
      const bool last = i + 1 == list.size();
      const bool root = depth == 0;
      line(*list[i], indent + (root ? "" : last ? "└─ " : "├─ "), root ? 0 : indent_width(depth));
      walk(list[i]->id, indent + (root ? "" : last ? "   " : "│  "), depth + 1);
    }
  }

  static size_t indent_width(size_t depth) { return depth * 3; }

  void line(const TreeSpan& span, const std::string& indent, size_t indent_columns) {
    const size_t room = width_ > kBarWidth + 40 ? width_ - kBarWidth - 14 : 50;
    const size_t label_width = room > indent_columns + 10 ? room - indent_columns : 10;
    std::string label = fmt::format("{} {} {}", span.service, span.kind, span.name);
    if (span.http_status != 0) label += fmt::format(" {}", span.http_status);
    if (span.status == "error") label += " ERROR";
    label = terminal_text(label, label_width);
    const auto shown = static_cast<size_t>(
        std::count_if(label.begin(), label.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    out_ += indent + label + std::string(label_width - std::min(label_width, shown), ' ');
    out_ += fmt::format("{:>10}  {}\n",
                        duration_text(static_cast<double>(span.end_ns - span.start_ns) / 1e9),
                        bar(span));
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

  size_t width_;
  uint64_t start_ns_ = 0;
  uint64_t end_ns_ = 0;
  std::map<std::string, std::vector<const TreeSpan*>> children_;
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
