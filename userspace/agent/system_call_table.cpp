// SPDX-License-Identifier: Apache-2.0
#include "agent/system_call_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "agent/terminal_text.h"
#include "model/histogram_math.h"

namespace hostlens::agent {
namespace {

constexpr size_t kCallWidth = 20;
constexpr size_t kErrorsWidth = 60;

std::string duration_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.2f}s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.2f}ms", seconds * 1e3);
  return fmt::format("{:.1f}us", seconds * 1e6);
}

std::string errors_text(const std::map<std::string, uint64_t>& errors) {
  std::string text;
  for (const auto& [name, count] : errors) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  }
  return terminal_text(text, kErrorsWidth);
}

}  // namespace

SystemCallTable system_call_table(const web::SystemCallRows& before,
                                  const web::SystemCallRows& now) {
  SystemCallTable table;
  table.seconds = now.watched_seconds - before.watched_seconds;
  table.cost_seconds = now.cost_seconds - before.cost_seconds;
  table.runs = now.runs >= before.runs ? now.runs - before.runs : 0;
  std::map<std::tuple<std::string, std::string, std::string>, const web::SystemCallRow*> old;
  for (const web::SystemCallRow& row : before.rows) {
    old.emplace(std::make_tuple(row.service, row.system_call, row.error), &row);
  }
  std::map<std::string, SystemCallLine> lines;
  for (const web::SystemCallRow& row : now.rows) {
    const auto known = old.find({row.service, row.system_call, row.error});
    const model::ExponentialHistogram duration =
        known == old.end() ? row.duration
                           : model::difference(row.duration, known->second->duration);
    if (duration.count == 0) continue;
    SystemCallLine& line = lines[row.system_call];
    line.system_call = row.system_call;
    if (!row.error.empty()) line.errors[row.error] += duration.count;
    if (line.duration.count == 0) {
      line.duration = duration;
    } else {
      model::add(line.duration, duration);
    }
  }
  for (auto& [name, line] : lines) table.lines.push_back(std::move(line));
  std::stable_sort(table.lines.begin(), table.lines.end(),
                   [](const SystemCallLine& a, const SystemCallLine& b) {
                     return a.duration.sum > b.duration.sum;
                   });
  return table;
}

std::string render(const SystemCallTable& table) {
  std::string text =
      fmt::format("{:<{}} {:>9} {:>10} {:>9} {:>9} {:>9}  {}\n", "SYSCALL", kCallWidth, "COUNT",
                  "PER SECOND", "P50", "P99", "TOTAL", "ERRORS");
  for (const SystemCallLine& line : table.lines) {
    const auto& duration = line.duration;
    text += fmt::format(
        "{} {:>9} {:>10.1f} {:>9} {:>9} {:>9}  {}\n",
        terminal_cell(line.system_call.empty() ? "(32-bit)" : line.system_call, kCallWidth),
        duration.count, static_cast<double>(duration.count) / std::max(table.seconds, 1e-9),
        duration_text(model::quantile(duration, 0.5)),
        duration_text(model::quantile(duration, 0.99)), duration_text(duration.sum),
        errors_text(line.errors));
  }
  if (table.lines.empty()) text += "no system call was seen\n";
  text += fmt::format("\n{:.2f} s observed; ", table.seconds);
  if (table.runs == 0) return text + "what that cost cannot be measured here\n";
  return text + fmt::format("that took {} of all callers' time, {:.0f} ns at each end of a call\n",
                            duration_text(table.cost_seconds),
                            table.cost_seconds * 1e9 / static_cast<double>(table.runs));
}

}  // namespace hostlens::agent
