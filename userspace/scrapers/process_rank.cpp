// SPDX-License-Identifier: Apache-2.0
#include "scrapers/process_rank.h"

#include <algorithm>
#include <vector>

namespace hostlens::scrapers {
namespace {

constexpr double kNewShare = 0.25;  ///< of a round in the smoothed score
constexpr double kClearly = 1.5;    ///< so many times the score of who has the place

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void ProcessRank::add(std::string_view program, uint64_t cpu_ticks, uint64_t resident_pages) {
  auto found = programs_.find(program);
  if (found == programs_.end()) found = programs_.emplace(std::string(program), Program{}).first;
  found->second.cpu_ticks += cpu_ticks;
  found->second.resident_pages += resident_pages;
  found->second.seen = true;
}

bool ProcessRank::has_place(std::string_view program) const {
  const auto found = programs_.find(program);
  return found != programs_.end() && found->second.placed;
}

void ProcessRank::settle() {
  uint64_t all_ticks = 0;
  uint64_t all_pages = 0;
  std::erase_if(programs_, [](const auto& item) { return !item.second.seen; });
  for (const auto& [name, program] : programs_) {
    all_ticks += program.cpu_ticks;
    all_pages += program.resident_pages;
  }
  std::vector<Program*> order;
  for (auto& [name, program] : programs_) {
    const double now =
        share(program.cpu_ticks, all_ticks) + share(program.resident_pages, all_pages);
    program.score += kNewShare * (now - program.score);
    program.cpu_ticks = program.resident_pages = 0;
    program.seen = false;
    order.push_back(&program);
  }
  // Who has a place counts for more.
  const auto weight = [](const Program* program) {
    return program->placed ? program->score * kClearly : program->score;
  };
  const size_t placed = std::min(places_, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(placed), order.end(),
                    [&](const Program* a, const Program* b) { return weight(a) > weight(b); });
  for (size_t i = 0; i < order.size(); ++i) order[i]->placed = i < placed;
}

}  // namespace hostlens::scrapers
