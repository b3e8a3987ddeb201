// SPDX-License-Identifier: Apache-2.0
// usage: unwind_rows_check FILE...   Builds each file's unwind table and has libdw judge every row.
#include <fcntl.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include "unwind_oracle/libdw_oracle.h"

namespace {

using namespace hostlens;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print_statistics(const symbols::UnwindStatistics& statistics) {
  std::printf(
      "  FDEs %lu, broken %lu, outside %lu, overlapping %lu, code covered %lu of %lu bytes\n",
      statistics.fdes, statistics.broken, statistics.outside, statistics.overlapping,
      statistics.covered_bytes, statistics.code_bytes);
  std::printf("  invalid by reason:");
  for (const uint64_t count : statistics.invalid) std::printf(" %lu", count);
  std::printf("; rbp lost %lu, full pages %lu%s\n", statistics.rbp_lost, statistics.full_pages,
              statistics.limit_reached ? ", LIMIT REACHED" : "");
}

bool check(const char* path) {
  std::printf("%s\n", path);
  auto source = symbols::FileSource::open(base::UniqueFd(::open(path, O_RDONLY | O_CLOEXEC)));
  auto view =
      source ? symbols::ElfView::open(*source) : base::Result<symbols::ElfView>(source.error());
  if (!view) {
    std::printf("  %s\n", view.error().text().c_str());
    return false;
  }
  const auto start = std::chrono::steady_clock::now();
  const auto table = symbols::build_unwind_table(*view);
  if (!table) {
    std::printf("  %s\n", table.error().text().c_str());
    return false;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("  %zu rows, %zu pages, built in %.3f s, peak memory so far %ld KiB\n",
              table->rows.size(), table->pages.size(), seconds_since(start), usage.ru_maxrss);
  print_statistics(table->statistics);
  const auto report = tests::compare_with_libdw(path, *table, view->executable_segments());
  if (!report.error.empty()) {
    std::printf("  %s\n", report.error.c_str());
    return false;
  }
  std::printf(
      "  libdw: %lu intervals of %lu bytes, %lu comparisons, %lu MISMATCHES, %lu invalid, "
      "%lu with a lost register, in %.1f s\n",
      report.intervals, report.bytes, report.compared, report.mismatches, report.invalid,
      report.lost_registers, seconds_since(start));
  for (const auto& text : report.first_mismatches) std::printf("    %s\n", text.c_str());
  for (const auto& [text, count] : report.invalid_rules) {
    std::printf("    invalid %lu x %s\n", count, text.c_str());
  }
  return report.mismatches == 0;
}

}  // namespace

int main(int count, char** arguments) {
  bool good = true;
  for (int i = 1; i < count; ++i) good = check(arguments[i]) && good;
  return good ? 0 : 1;
}
