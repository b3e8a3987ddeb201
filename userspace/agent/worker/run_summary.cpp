// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/run_summary.h"

#include <fmt/format.h>

#include "agent/request_table.h"
#include "web/request_rows.h"

namespace hostlens::agent {
namespace {

int64_t total(const model::MetricSnapshot& snapshot, std::string_view name) {
  int64_t sum = 0;
  for (const model::MetricFamily& family : snapshot.families) {
    if (family.name != name) continue;
    for (const model::MetricPoint& point : family.points) {
      if (const auto* value = std::get_if<int64_t>(&point.value)) sum += *value;
    }
  }
  return sum;
}

/// "" when nothing was lost, else each loss with its place and reason.
std::string losses(const base::Ledger& ledger) {
  std::string text;
  for (size_t i = 0; i < base::LedgerPage::kStages; ++i) {
    for (size_t j = 0; j < base::LedgerPage::kReasons; ++j) {
      const auto stage = static_cast<base::Stage>(i);
      const auto reason = static_cast<base::DropReason>(j);
      const uint64_t count = ledger.dropped_total(stage, reason);
      // Bytes of other protocols are not lost: nobody asked for them.
      if (count == 0 || reason == base::DropReason::kUndetected) continue;
      text +=
          fmt::format("{:>15}  {} at {}\n", count, base::to_string(reason), base::to_string(stage));
    }
  }
  return text;
}

}  // namespace

std::string run_summary(const model::MetricSnapshot& snapshot, const base::Ledger& ledger,
                        double seconds, size_t width) {
  const web::RequestRows rows = web::request_rows(snapshot);
  const RequestTable table = request_table(rows, nullptr, seconds);
  uint64_t requests = 0;
  for (const TableRow& row : table.rows) requests += row.duration.count;

  std::string out = "\n Hostlens: what the command served and called\n\n";
  if (table.rows.empty()) {
    out += " no HTTP/1.x request was seen\n";
  } else {
    out += render(table, {width, 40, false});
  }
  out += fmt::format("\n{:>15}  requests\n{:>15}  connections opened, {} failed\n", requests,
                     total(snapshot, "hostlens.connection.opened"),
                     total(snapshot, "hostlens.connection.failed"));
  const std::string lost = losses(ledger);
  out += lost.empty() ? fmt::format("{:>15}  records lost\n", 0) : "\n Lost:\n" + lost;
  out += fmt::format("\n{:>15.2f}  seconds observed\n\n", seconds);
  return out;
}

}  // namespace hostlens::agent
