// SPDX-License-Identifier: Apache-2.0
#include "scrapers/cgroup_files.h"

#include <fcntl.h>

#include <string>

#include "scrapers/pressure_text.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

const CgroupDirectory& part(const CgroupDirectories& directories, CgroupPart which) {
  return directories[static_cast<size_t>(which)];
}

std::optional<std::string_view> read(Scrape& run, const CgroupDirectory& directory,
                                     const char* file) {
  if (directory.path.empty()) return std::nullopt;
  const std::string path = directory.path + "/" + file;
  return run.file(AT_FDCWD, path.c_str(), Presence::kOptional);
}

std::optional<uint64_t> read_number(Scrape& run, const CgroupDirectory& directory,
                                    const char* file) {
  const auto text = read(run, directory, file);
  return text ? only_number(*text) : std::nullopt;
}

void read_cpu(Scrape& run, const CgroupDirectories& directories, CgroupReading& reading) {
  const CgroupDirectory& cpu = part(directories, CgroupPart::kCpu);
  if (const auto text = read(run, cpu, "cpu.stat")) parse_cpu_stat(*text, cpu.is_v2, reading);
  const CgroupDirectory& time = part(directories, CgroupPart::kCpuTime);
  if (time.is_v2) return;
  if (const auto text = read(run, time, "cpuacct.stat")) {
    parse_cpuacct_stat(*text, run.units().ticks_per_second, reading);
  }
}

void read_memory(Scrape& run, const CgroupDirectory& memory, CgroupReading& reading) {
  const bool v2 = memory.is_v2;
  reading.memory_bytes = read_number(run, memory, v2 ? "memory.current" : "memory.usage_in_bytes");
  if (const auto text = read(run, memory, "memory.stat")) parse_memory_stat(*text, v2, reading);
  if (const auto text = read(run, memory, v2 ? "memory.events" : "memory.oom_control")) {
    parse_memory_events(*text, reading);
  }
  if (!v2) {
    reading.counters[static_cast<size_t>(CgroupCounter::kMemoryMax)] =
        read_number(run, memory, "memory.failcnt");
  }
}

void read_io(Scrape& run, const CgroupDirectory& io, const IsStacked& is_stacked,
             CgroupReading& reading) {
  const char* const file = io.is_v2 ? "io.stat" : "blkio.throttle.io_service_bytes_recursive";
  if (const auto text = read(run, io, file)) {
    const std::string copy(*text);  // is_stacked may read as well
    parse_io_stat(copy, io.is_v2, is_stacked, reading);
  }
}

void read_pressure(Scrape& run, const CgroupDirectory& directory, CgroupReading& reading) {
  if (!directory.is_v2) return;
  constexpr std::array<const char*, 3> kFiles = {"cpu.pressure", "memory.pressure", "io.pressure"};
  for (size_t i = 0; i < kFiles.size(); ++i) {
    const auto text = read(run, directory, kFiles[i]);
    if (!text) continue;
    const PressureText pressure = parse_pressure(*text);
    const size_t first = static_cast<size_t>(CgroupCounter::kPressureUs) + 2 * i;
    if (pressure.some) reading.counters[first] = pressure.some->total_us;
    if (pressure.full) reading.counters[first + 1] = pressure.full->total_us;
  }
}

}  // namespace

CgroupReading read_cgroup(Scrape& run, const CgroupDirectories& directories,
                          const IsStacked& is_stacked) {
  CgroupReading reading;
  read_cpu(run, directories, reading);
  read_memory(run, part(directories, CgroupPart::kMemory), reading);
  read_io(run, part(directories, CgroupPart::kIo), is_stacked, reading);
  read_pressure(run, part(directories, CgroupPart::kPressure), reading);
  reading.processes = read_number(run, part(directories, CgroupPart::kProcesses), "pids.current");
  return reading;
}

CgroupLimits read_cgroup_limits(Scrape& run, const CgroupDirectories& directories) {
  CgroupLimits limits;
  const CgroupDirectory& cpu = part(directories, CgroupPart::kCpu);
  if (cpu.is_v2) {
    if (const auto text = read(run, cpu, "cpu.max")) limits.cpus = parse_cpu_max(*text);
  } else {
    const auto quota = read_number(run, cpu, "cpu.cfs_quota_us");  // -1 is none
    const auto period = read_number(run, cpu, "cpu.cfs_period_us");
    if (quota && period && *period > 0) {
      limits.cpus = static_cast<double>(*quota) / static_cast<double>(*period);
    }
  }
  const CgroupDirectory& memory = part(directories, CgroupPart::kMemory);
  const char* const memory_file = memory.is_v2 ? "memory.max" : "memory.limit_in_bytes";
  if (const auto text = read(run, memory, memory_file)) limits.memory_bytes = parse_limit(*text);
  if (const auto text = read(run, part(directories, CgroupPart::kProcesses), "pids.max")) {
    limits.processes = parse_limit(*text);
  }
  return limits;
}

}  // namespace hostlens::scrapers
