// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/export_set.h"

#include <algorithm>
#include <utility>

namespace hostlens::agent {

ExportSet::~ExportSet() {
  for (Retiring& retiring : retiring_) retiring.thread.join();
}

std::vector<std::string> ExportSet::update(const ExporterParts& parts) {
  std::vector<std::string> failures;
  std::vector<Active> next;
  for (const ExporterRow& row : rows_) {
    const std::string identity = row.identity(parts);
    if (identity.empty()) continue;
    const auto same = std::find_if(active_.begin(), active_.end(), [&](const Active& active) {
      return active.made.identity == identity;
    });
    if (same != active_.end()) {
      next.push_back(std::move(*same));
      active_.erase(same);
      continue;
    }
    auto made = row.create(parts);
    if (!made) {
      failures.push_back(made.error().text());
      continue;
    }
    next.push_back({{identity, *std::move(made)}, {}});
  }
  std::erase_if(retiring_, [](Retiring& retiring) {
    if (!retiring.done->load()) return false;
    retiring.thread.join();
    return true;
  });
  for (Active& old : active_) {
    auto done = std::make_shared<std::atomic<bool>>(false);
    std::thread thread([exporter = std::move(old.made.exporter), done] {
      exporter->shutdown(std::chrono::steady_clock::now() + kRetireLimit);
      done->store(true);
    });
    retiring_.push_back({std::move(thread), std::move(done)});
  }
  active_ = std::move(next);
  return failures;
}

std::vector<exporters::Exporter*> ExportSet::exporters() const {
  std::vector<exporters::Exporter*> out;
  for (const Active& active : active_) out.push_back(active.made.exporter.get());
  return out;
}

void ExportSet::submit(const std::shared_ptr<const model::MetricSnapshot>& metrics) {
  for (const Active& active : active_) active.made.exporter->submit(metrics);
}

std::vector<std::string> ExportSet::news() {
  std::vector<std::string> lines;
  for (Active& active : active_) {
    std::string problem = active.made.exporter->problem();
    if (problem == active.problem) continue;
    const std::string name(active.made.exporter->name());
    lines.push_back(problem.empty() ? name + ": delivers again" : name + ": " + problem);
    active.problem = std::move(problem);
  }
  return lines;
}

void ExportSet::shutdown(Deadline deadline) {
  std::vector<std::thread> threads;
  for (const Active& active : active_) {
    threads.emplace_back([&active, deadline] { active.made.exporter->shutdown(deadline); });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace hostlens::agent
