// SPDX-License-Identifier: Apache-2.0
#include "agent/request_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/quantity.h"
#include "agent/terminal_text.h"
#include "model/histogram_math.h"

namespace hostlens::agent {
namespace {

using Identity = std::tuple<std::string, std::string, std::string, std::string>;
using SeriesKey = std::tuple<std::string, std::string, std::string, std::string, std::string,
                             int64_t, std::string>;

SeriesKey series_key(const web::RequestRow& row) {
  return {row.service, row.ns, row.side, row.method, row.route, row.status, row.error_type};
}

constexpr const char* kBold = "\x1b[1m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kPlain = "\x1b[0m";

/// Fixed columns behind service and route, with the blanks between.
constexpr size_t kFixedWidth = 73;

std::string rate_text(double rate) {
  if (rate >= 100) return fmt::format("{:.0f}", rate);
  return fmt::format("{:.1f}", rate);
}

std::string share_text(uint64_t part, uint64_t whole) {
  if (part == 0) return "-";
  return fmt::format("{:.1f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

RequestTable request_table(const web::RequestRows& now, const web::RequestRows* before,
                           double seconds) {
  std::map<SeriesKey, const web::RequestRow*> old;
  if (before != nullptr) {
    for (const web::RequestRow& row : before->rows) old.emplace(series_key(row), &row);
  }
  std::map<Identity, TableRow> rows;
  for (const web::RequestRow& row : now.rows) {
    model::ExponentialHistogram duration = row.duration;
    const auto known = old.find(series_key(row));
    // Another start is another worker's series, or one that had expired: all of it is new.
    if (known != old.end() && known->second->start_unix_ns == row.start_unix_ns) {
      duration = model::difference(row.duration, known->second->duration);
    }
    if (duration.count == 0) continue;
    const std::string service = row.overflow ? "(other)" : row.service;
    TableRow& sum = rows[{service, row.side, row.method, row.route}];
    sum.service = service;
    sum.side = row.side;
    sum.method = row.method;
    sum.route = row.route;
    if (!row.error_type.empty()) sum.errors += duration.count;
    model::add(sum.duration, duration);
  }
  RequestTable table;
  table.seconds = seconds;
  for (auto& [identity, row] : rows) table.rows.push_back(std::move(row));
  std::stable_sort(table.rows.begin(), table.rows.end(), [](const auto& left, const auto& right) {
    return left.duration.count > right.duration.count;
  });
  return table;
}

std::optional<double> seconds_between(const web::RequestRows& before, const web::RequestRows& now) {
  if (now.monotonic_ns <= before.monotonic_ns) return std::nullopt;
  return static_cast<double>(now.monotonic_ns - before.monotonic_ns) / 1e9;
}

std::string render(const RequestTable& table, const TableStyle& style) {
  size_t service_width = 7;
  size_t route_width = 5;
  for (const TableRow& row : table.rows) {
    service_width = std::max(service_width, std::min<size_t>(row.service.size(), 32));
    route_width = std::max(route_width, std::min<size_t>(row.route.size(), 60));
  }
  const size_t room = style.width > kFixedWidth + 12 ? style.width - kFixedWidth : 12;
  service_width = std::min(service_width, std::max<size_t>(7, room * 2 / 5));
  route_width = std::min(route_width, std::max<size_t>(5, room - service_width));

  const std::string header = fmt::format(
      "{:<{}}  {:<6}  {:<7} {:<{}}  {:>9} {:>8} {:>7} {:>8} {:>8} {:>8}", "SERVICE", service_width,
      "SIDE", "METHOD", "ROUTE", route_width, "REQUESTS", "RATE/s", "ERRORS", "P50", "P90", "P99");
  std::string out = style.colour ? kBold + header + kPlain : header;
  out += '\n';
  size_t shown = 0;
  for (const TableRow& row : table.rows) {
    if (shown++ == style.most_rows) {
      out += fmt::format("... and {} more\n", table.rows.size() - style.most_rows);
      break;
    }
    const uint64_t count = row.duration.count;
    const double rate = table.seconds > 0 ? static_cast<double>(count) / table.seconds : 0;
    const bool red = style.colour && row.errors > 0;
    const auto quantile_text = [&row](double q) {
      return terminal_text(duration_text(model::quantile(row.duration, q)), 8);
    };
    out +=
        fmt::format("{}  {}  {} {}  {:>9} {:>8} {}{:>7}{} {:>8} {:>8} {:>8}\n",
                    terminal_cell(row.service, service_width), terminal_cell(row.side, 6),
                    terminal_cell(row.method, 7),
                    terminal_cell(row.route.empty() ? "-" : row.route, route_width), count,
                    rate_text(rate), red ? kRed : "", share_text(row.errors, count),
                    red ? kPlain : "", quantile_text(0.5), quantile_text(0.9), quantile_text(0.99));
  }
  return out;
}

}  // namespace hostlens::agent
