// SPDX-License-Identifier: Apache-2.0
#include "scrapers/host_metrics.h"

#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/clock.h"
#include "scrapers/cpu_scraper.h"
#include "scrapers/disk_scraper.h"
#include "scrapers/filesystem_scraper.h"
#include "scrapers/interface_scraper.h"
#include "scrapers/load_scraper.h"
#include "scrapers/memory_scraper.h"
#include "scrapers/network_counters.h"
#include "scrapers/paging_scraper.h"
#include "scrapers/pressure_scraper.h"
#include "scrapers/sensor_scraper.h"
#include "scrapers/socket_scraper.h"

namespace hostlens::scrapers {
namespace {

constexpr uint64_t kClockStepNs = 1'000'000'000;

uint64_t since_boot_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

HostUnits kernel_units() {
  HostUnits units;
  const long page = ::sysconf(_SC_PAGESIZE);
  const long ticks = ::sysconf(_SC_CLK_TCK);
  if (page > 0) units.page_bytes = static_cast<uint64_t>(page);
  if (ticks > 0) units.ticks_per_second = static_cast<uint64_t>(ticks);
  return units;
}

}  // namespace

HostMetrics::HostMetrics(HostMetricsSettings settings)
    : settings_(std::move(settings)), units_(kernel_units()), start_unix_ns_(base::unix_now_ns()) {
  if (!settings_.read_clock) settings_.read_clock = [](timex& clock) { return ::adjtimex(&clock); };
  if (!settings_.read_mount) {
    settings_.read_mount = [root = settings_.roots.files](const Mount& mount) {
      return read_mount(root, mount);
    };
  }
  auto processes = std::make_unique<ProcessScraper>(settings_.processes, settings_.process_facts);
  auto cgroups = std::make_unique<CgroupScraper>(settings_.cgroups, settings_.processes.idle_ns);
  processes_ = processes.get();
  cgroups_ = cgroups.get();
  auto runtimes = std::make_unique<RuntimeScraper>();
  auto runtime_errors = std::make_unique<ReportedErrors>("container_runtime");
  runtimes_ = runtimes.get();
  runtime_errors_ = runtime_errors.get();
  const auto add = [this](std::unique_ptr<Scraper> scraper) {
    rows_.push_back({std::move(scraper), {}, 0});
  };
  // The table: one row for each area.
  add(std::make_unique<CpuScraper>());
  add(std::make_unique<LoadScraper>());
  add(std::make_unique<MemoryScraper>());
  add(std::make_unique<PagingScraper>());
  add(std::make_unique<PressureScraper>());
  add(std::make_unique<DiskScraper>());
  add(std::make_unique<FilesystemScraper>(settings_.read_mount));
  add(std::make_unique<InterfaceScraper>());
  add(std::make_unique<NetworkCounters>());
  add(std::make_unique<SocketScraper>());
  add(std::make_unique<SensorScraper>());
  add(std::make_unique<ClockScraper>(settings_.read_clock));
  add(std::move(processes));
  add(std::move(cgroups));
  add(std::move(runtimes));
  add(std::move(runtime_errors));
  add(std::make_unique<UnitScraper>(settings_.units));  // last: its reading runs beside the others
}

HostMetrics::~HostMetrics() = default;

void HostMetrics::set_processes(std::vector<ProcessTarget> targets) {
  processes_->set_targets(std::move(targets));
}

void HostMetrics::set_cgroups(std::vector<CgroupTarget> targets) {
  cgroups_->set_targets(std::move(targets));
}

void HostMetrics::set_runtimes(std::vector<RuntimeUse> uses) {
  runtimes_->set_uses(std::move(uses));
}

void HostMetrics::add_runtime_errors(const std::vector<Reason>& reasons) {
  runtime_errors_->add(reasons);
}

ScrapeTime HostMetrics::time_of(const model::MetricSnapshot& snapshot) {
  const uint64_t boot_unix_ns = base::unix_now_ns() - since_boot_ns();
  const uint64_t apart =
      std::max(boot_unix_ns, boot_unix_ns_) - std::min(boot_unix_ns, boot_unix_ns_);
  // The start of a series must not move with every correction of the clock.
  if (apart > kClockStepNs) boot_unix_ns_ = boot_unix_ns;
  return {base::monotonic_now_ns(), snapshot.unix_ns, boot_unix_ns_};
}

void HostMetrics::scrape(model::MetricSnapshot& snapshot) noexcept {
  aggregators::FamilyList list(snapshot);
  const ScrapeTime time = time_of(snapshot);
  for (Row& row : rows_) {
    const uint64_t start_ns = base::monotonic_now_ns();
    Scrape run({settings_.roots, units_, time, settings_.host, buffer_}, list, row.errors);
    row.scraper->scrape(run);
    row.seconds = static_cast<double>(base::monotonic_now_ns() - start_ns) / 1e9;
  }
  add_own_families(list);
}

void HostMetrics::add_own_families(aggregators::FamilyList& list) const {
  const Series own{nullptr, start_unix_ns_};
  list.add({"hostlens.scrape.errors", "What of the host could not be told, and why.", "{error}",
            model::MetricKind::kCounter},
           [&](model::MetricFamily& family) {
             for (const Row& row : rows_) {
               for (size_t i = 0; i < kReasons; ++i) {
                 if (row.errors[i] == 0) continue;
                 list.add_point(family, own,
                                attributes({{"reason", to_string(static_cast<Reason>(i))},
                                            {"scraper", row.scraper->name()}}),
                                static_cast<int64_t>(row.errors[i]));
               }
             }
           });
  list.add(
      {"hostlens.scrape.duration", "Time that the last reading took.", "s",
       model::MetricKind::kGauge},
      [&](model::MetricFamily& family) {
        for (const Row& row : rows_) {
          list.add_point(family, own, attributes({{"scraper", row.scraper->name()}}), row.seconds);
        }
      });
}

}  // namespace hostlens::scrapers
