// SPDX-License-Identifier: Apache-2.0
// Every parser of the host's files, from one input: its first byte picks the parser.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scrapers/cgroup_files.h"
#include "scrapers/cgroup_paths.h"
#include "scrapers/cpu_scraper.h"
#include "scrapers/disk_scraper.h"
#include "scrapers/interface_scraper.h"
#include "scrapers/load_scraper.h"
#include "scrapers/memory_scraper.h"
#include "scrapers/mount_table.h"
#include "scrapers/network_counters.h"
#include "scrapers/paging_scraper.h"
#include "scrapers/pressure_text.h"
#include "scrapers/process_files.h"
#include "scrapers/sensor_scraper.h"
#include "scrapers/socket_scraper.h"
#include "scrapers/text_fields.h"

namespace {

using namespace hostlens::scrapers;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_stat(std::string_view text) {
  const KernelStat stat = parse_kernel_stat(text);
  require(stat.cpus.size() <= kMaxCpus);
  for (const CpuLine& cpu : stat.cpus) require(cpu.number.has_value());
}

void check_memory(std::string_view text) {
  const MemoryInfo memory = parse_meminfo(text);
  const auto used = used_bytes(memory);
  if (!used) return;
  require(*used + *memory.free + *memory.buffers + *memory.cached + *memory.slab_reclaimable +
              *memory.slab_unreclaimable ==
          *memory.total);
}

void check_paging(std::string_view text) {
  const auto areas = parse_swaps(text);
  require(areas.size() <= kMaxSwapAreas);
  for (const SwapArea& area : areas) require(area.used_bytes <= area.size_bytes);
  const PagingCounts counts = parse_vmstat(text);
  if (counts.faults && counts.major_faults) require(*counts.major_faults <= *counts.faults);
}

void check_load(std::string_view text) {
  if (const auto load = parse_loadavg(text)) require(std::isfinite(load->minutes[0]));
  if (const auto uptime = parse_uptime(text)) require(*uptime >= 0);
  (void)parse_file_handles(text);
}

void check_pressure(std::string_view text) {
  const PressureText pressure = parse_pressure(text);
  if (pressure.some) require(pressure.some->ratio_10s >= 0 && pressure.some->ratio_10s <= 1);
}

void check_lines(std::string_view text) {
  while (const auto line = next_line(text)) {
    if (const auto disk = parse_disk_line(*line)) require(!disk->name.empty());
    if (const auto is = parse_interface_line(*line)) require(!is->name.empty());
    (void)parse_sensor_name(*line);
  }
}

void check_network(std::string_view text) {
  ProtocolCounts counts;
  (void)parse_protocol_pairs(text, counts);
  (void)parse_protocol_lines(text, counts);
  require(counts.size() <= kMaxProtocolCounts);
  SocketTotals totals;
  add_sockstat(text, totals);
  ConnectionCounts connections;
  (void)add_connections(text, connections);
}

void check_mounts(std::string_view text) {
  size_t garbage = 0;
  const auto mounts = parse_mountinfo(text, garbage);
  require(mounts.size() <= kMaxMounts);
  const auto chosen = distinct_file_systems(mounts);
  require(chosen.size() <= mounts.size());
  for (const Mount& mount : chosen) require(holds_files(mount) && mount.point.starts_with('/'));
}

void check_process(std::string_view text) {
  if (const auto stat = parse_process_stat(text)) {
    require(stat->comm.size() <= text.size() && !process_state(stat->state).empty());
  }
  (void)parse_process_status(text);
  (void)parse_process_io(text);
  (void)parse_process_limits(text);
}

/// The first line is what a hierarchy mounts, the rest a membership.
void check_cgroup_paths(std::string_view text) {
  Mount v1;
  v1.type = "cgroup";
  v1.options = "rw,cpu,cpuacct";
  v1.point = "/c1";
  Mount v2;
  v2.type = "cgroup2";
  v2.point = "/c2";
  v1.root = v2.root = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(v1.root.size() + 1, text.size()));
  const CgroupHierarchies hierarchies({v1, v2});
  for (const CgroupDirectory& directory : hierarchies.find(text, "/tree")) {
    require(directory.path.empty() || directory.path.starts_with("/tree/c"));
    require(directory.path.find("/../") == std::string::npos && !directory.path.ends_with("/.."));
  }
}

void check_cgroup_files(std::string_view text) {
  for (const bool v2 : {false, true}) {
    CgroupReading reading;
    parse_cpu_stat(text, v2, reading);
    parse_memory_stat(text, v2, reading);
    parse_memory_events(text, reading);
    parse_io_stat(
        text, v2, [](std::string_view) { return false; }, reading);
    parse_cpuacct_stat(text, 100, reading);
  }
  if (const auto cpus = parse_cpu_max(text)) require(std::isfinite(*cpus));
  (void)parse_limit(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::array kChecks = {check_stat,         check_memory,      check_paging,
                                  check_load,         check_pressure,    check_lines,
                                  check_network,      check_mounts,      check_process,
                                  check_cgroup_paths, check_cgroup_files};
  kChecks[data[0] % kChecks.size()](text);
  return 0;
}
