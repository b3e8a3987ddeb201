// SPDX-License-Identifier: Apache-2.0
#include "agent/host_distributions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "agent/octave_chart.h"
#include "agent/quantity.h"
#include "agent/terminal_text.h"
#include "model/histogram_math.h"

namespace hostlens::agent {
namespace {

using web::HostRow;

/// One signal: its lines stand together.
struct Group {
  std::string_view metric;
  std::string_view name;                       ///< of the signal
  std::string_view label;                      ///< before what tells its rows apart
  std::array<std::string_view, 2> attributes;  ///< those, in the order of the label
  bool services = false;                       ///< rows of services, under the line before
  size_t most = 8;
};

constexpr std::string_view kRunQueue = "hostlens.thread.runqueue.duration";
constexpr Group kGroups[] = {
    {kRunQueue, "run queue", "run queue", {"reason"}, false, 2},
    {kRunQueue, "", "", {}, true, 6},
    {"hostlens.thread.blocked.duration", "blocked threads", "blocked", {"cause"}, false, 9},
    {"hostlens.disk.io.duration", "disk I/O", "disk", {"device", "disk.io.direction"}},
    {"hostlens.disk.queue.duration", "disk queue", "queue", {"device", "disk.io.direction"}},
    {"hostlens.fsync.duration", "fsync", "fsync", {"mountpoint"}, false, 4},
    {"hostlens.writeback.duration", "write-back", "writeback", {"mountpoint"}, false, 2},
    {"hostlens.file.io.duration", "file I/O", "file", {"type", "mountpoint"}, false, 6},
    {"hostlens.interrupt.duration", "interrupts", "", {"type", "vector"}},
    {"hostlens.memory.fault.duration", "major faults", "fault", {"type"}, false, 2},
    {"hostlens.memory.reclaim.stall.duration", "reclaim stalls", "reclaim", {"type"}, false, 3},
    {"hostlens.tcp.accept.duration", "waits for accept", "accept", {}, false, 1},
};
constexpr size_t kGroupCount = std::size(kGroups);

/// Sleeping there is what idle threads do: shown when there is room.
bool is_idle_wait(const HostRow& row) {
  const auto cause = row.attributes.find("cause");
  if (cause == row.attributes.end()) return false;
  return cause->second == "poll" || cause->second == "timer" || cause->second == "wait";
}

std::string label_of(const Group& group, const HostRow& row) {
  if (group.services) return "  " + row.service;
  std::string label(group.label);
  for (const std::string_view key : group.attributes) {
    const auto found = row.attributes.find(std::string(key));
    if (key.empty() || found == row.attributes.end()) continue;
    label += (label.empty() ? "" : " ") + found->second;
  }
  return label;
}

/// How the line is divided; a column that does not fit is left out whole, since half a chart lies.
struct Columns {
  explicit Columns(const PageStyle& style)
      : total(style.width >= 110), quantiles(style.width >= 52) {
    chart.blocks = style.blocks;
    chart.octave_columns = style.width >= 110 ? 2 : style.width >= 80 ? 1 : 0;
    const size_t fixed = 7 + (quantiles ? 24 : 8) + (total ? 9 : 0) +
                         (chart.octave_columns > 0 ? 1 + chart_width(chart) : 0);
    label = std::clamp<size_t>(style.width > fixed ? style.width - fixed : 0, 4, 40);
  }
  ChartStyle chart;
  bool total;
  bool quantiles;
  size_t label = 20;
};

std::string right(std::string_view text, size_t width) {
  const std::string cut = terminal_text(text, width);
  return fmt::format("{:>{}}", cut, width);
}

class Lines {
 public:
  Lines(const PageStyle& style, double seconds)
      : style_(style), columns_(style), seconds_(seconds) {}

  [[nodiscard]] std::string heading() const {
    std::string line = fmt::format("{:<{}} {:>6}", "", columns_.label, "PER S");
    if (columns_.total) line += fmt::format(" {:>8}", "TIME/S");
    line += columns_.quantiles ? fmt::format(" {:>7} {:>7} {:>7}", "P50", "P99", "BELOW")
                               : fmt::format(" {:>7}", "P99");
    if (columns_.chart.octave_columns > 0) line += " " + chart_axis(columns_.chart);
    return painted("\x1b[1m", terminal_text(line, style_.width));
  }

  [[nodiscard]] std::string row(std::string_view label, const HostRow& row) const {
    const auto& times = row.distribution;
    const auto time = [&](double seconds) {
      return " " + right(times.count == 0 ? "-" : duration_text(seconds), 7);
    };
    std::string line = terminal_cell(label, columns_.label) + " " +
                       right(count_text(static_cast<double>(times.count) / seconds_), 6);
    if (columns_.total) {
      line += " " + right(times.count == 0 ? "-" : duration_text(times.sum / seconds_), 8);
    }
    if (columns_.quantiles) line += time(model::quantile(times, 0.5));
    line += time(model::quantile(times, 0.99));
    if (columns_.quantiles) line += time(upper_bound(times));
    if (columns_.chart.octave_columns == 0) return terminal_text(line, style_.width);
    return line + " " + painted("\x1b[36m", chart_bars(times, columns_.chart));
  }

  [[nodiscard]] std::string remark(std::string_view text) const {
    return painted("\x1b[2m", terminal_text(text, style_.width));
  }

 private:
  [[nodiscard]] std::string painted(const char* code, const std::string& text) const {
    return style_.colour ? fmt::format("{}{}\x1b[0m", code, text) : text;
  }

  PageStyle style_;
  Columns columns_;
  double seconds_;
};

/// What there is of a signal, most important first.
struct Found {
  std::vector<const HostRow*> rows;
  std::string_view missing;  ///< why it is unavailable
  size_t shown = 0;
  [[nodiscard]] size_t wants(const Group& group) const { return std::min(rows.size(), group.most); }
};

Found find(const Group& group, const web::HostRows& all) {
  Found found;
  for (const auto& missing : all.unavailable) {
    if (missing.signal != group.metric) continue;
    found.missing = missing.remedy.empty() ? missing.reason : missing.remedy;  // the shorter one
    if (found.missing.empty()) found.missing = "see hostlens doctor";
  }
  for (const HostRow& row : all.rows) {
    const bool counted = row.distribution.count > 0;
    if (row.name == group.metric && counted && row.kind == HostRow::Kind::kDistribution &&
        row.service.empty() != group.services) {
      found.rows.push_back(&row);
    }
  }
  std::stable_sort(found.rows.begin(), found.rows.end(), [](const auto* left, const auto* right) {
    if (is_idle_wait(*left) != is_idle_wait(*right)) return is_idle_wait(*right);
    return left->distribution.sum > right->distribution.sum;
  });
  return found;
}

/// One line for each signal in turn, as long as there is room and something to show.
void share_out(std::array<Found, kGroupCount>& found, size_t room) {
  for (bool any = true; any && room > 0;) {
    any = false;
    for (size_t i = 0; i < kGroupCount && room > 0; ++i) {
      if (found[i].shown == found[i].wants(kGroups[i])) continue;
      ++found[i].shown;
      --room;
      any = true;
    }
  }
}

void add_group(const Group& group, const Found& found, const Lines& lines,
               std::vector<std::string>& out) {
  // Which ones are shown follows the time; where they stand should not change all the time.
  std::vector<std::pair<std::string, const HostRow*>> shown;
  for (size_t i = 0; i < found.shown; ++i) {
    shown.emplace_back(label_of(group, *found.rows[i]), found.rows[i]);
  }
  if (!group.services) std::sort(shown.begin(), shown.end());
  for (const auto& [label, row] : shown) out.push_back(lines.row(label, *row));
}

/// Signals without a line of their own: one line for all that had no event, and one for each reason
/// why there can be none.
std::vector<std::string> other_lines(const std::array<Found, kGroupCount>& found,
                                     const Lines& lines) {
  std::string quiet;
  std::map<std::string_view, std::string> missing;  // by reason
  for (size_t i = 0; i < kGroupCount; ++i) {
    if (!found[i].rows.empty() || kGroups[i].services) continue;
    std::string& names = found[i].missing.empty() ? quiet : missing[found[i].missing];
    names += (names.empty() ? "" : ", ") + std::string(kGroups[i].name);
  }
  std::vector<std::string> out;
  if (!quiet.empty()) out.push_back(lines.remark("none of " + quiet));
  for (const auto& [reason, names] : missing) {
    out.push_back(lines.remark(fmt::format("unavailable: {}: {}", names, reason)));
  }
  return out;
}

}  // namespace

std::vector<std::string> distribution_lines(const web::HostRows& rows, const PageStyle& style) {
  std::vector<std::string> out;
  if (style.height == 0) return out;
  const Lines lines(style, rows.kernel.seconds);
  out.push_back(lines.heading());
  if (rows.kernel.seconds <= 0) {
    out.push_back(lines.remark(rows.kernel.age_seconds < 0
                                   ? "nothing is read of the kernel: see hostlens doctor"
                                   : "distributions come with the next reading"));
    out.resize(std::min(out.size(), style.height));
    return out;
  }
  std::array<Found, kGroupCount> found;
  for (size_t i = 0; i < kGroupCount; ++i) found[i] = find(kGroups[i], rows);
  std::vector<std::string> others = other_lines(found, lines);
  const size_t room = style.height - 1;
  others.resize(std::min(others.size(), (room + 3) / 4));
  share_out(found, room - others.size());
  for (size_t i = 0; i < kGroupCount; ++i) add_group(kGroups[i], found[i], lines, out);
  for (std::string& line : others) out.push_back(std::move(line));
  return out;
}

}  // namespace hostlens::agent
