// SPDX-License-Identifier: Apache-2.0
#include "agent/host_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "agent/terminal_text.h"

namespace hostlens::agent {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using web::HostRow;
using web::HostRows;

using Labels = std::map<std::string, std::string>;

void level(HostRows& rows, const std::string& name, double value, Labels labels = {}) {
  rows.rows.push_back({name, HostRow::Kind::kLevel, "", std::move(labels), value, {}});
}
void rate(HostRows& rows, const std::string& name, double value, Labels labels = {}) {
  rows.rows.push_back({name, HostRow::Kind::kRate, "", std::move(labels), value, {}});
}
/// `count` values in (1 ms, 2 ms].
void times(HostRows& rows, const std::string& name, uint64_t count, Labels labels = {},
           const std::string& service = "") {
  HostRow row{name, HostRow::Kind::kDistribution, service, std::move(labels), 0, {}};
  row.distribution.scale = 0;
  row.distribution.offset = -10;
  row.distribution.counts = {count};
  row.distribution.count = count;
  row.distribution.sum = 0.0015 * static_cast<double>(count);
  row.distribution.has_range = false;
  rows.rows.push_back(std::move(row));
}

HostRows busy_host() {
  HostRows rows;
  rows.files = rows.kernel = {10, 3};
  for (const auto& [mode, cpus] :
       {std::pair("user", 1.0), {"system", 0.5}, {"iowait", 0.1}, {"idle", 0.4}})
    rate(rows, "system.cpu.time", cpus, {{"cpu.mode", mode}});
  level(rows, "system.cpu.logical.count", 2);
  level(rows, "system.cpu.load_average.1m", 1.25);
  level(rows, "system.memory.limit", 4.0 * (1U << 30U));
  level(rows, "system.memory.linux.available", 1.0 * (1U << 30U));
  level(rows, "hostlens.pressure.share", 0.125, {{"kind", "some"}, {"resource", "io"}});
  level(rows, "hostlens.pressure.share", 0.05, {{"kind", "full"}, {"resource", "io"}});
  for (const char* disk : {"sda", "sdb", "sdc", "sdd", "sde"}) {
    rate(rows, "system.disk.io_time", disk == std::string("sdc") ? 0.75 : 0.01,
         {{"system.device", disk}});
    rate(rows, "system.disk.io", 1048576,
         {{"system.device", disk}, {"disk.io.direction", "write"}});
  }
  level(rows, "system.filesystem.utilization", 0.91, {{"system.filesystem.mountpoint", "/var"}});
  rate(rows, "system.network.io", 2048,
       {{"network.interface.name", "eth0"}, {"network.io.direction", "receive"}});
  rate(rows, "system.network.errors", 7,
       {{"network.interface.name", "eth0"}, {"network.io.direction", "receive"}});
  times(rows, "hostlens.thread.runqueue.duration", 500, {{"reason", "wakeup"}});
  times(rows, "hostlens.thread.runqueue.duration", 300, {}, "shop");
  for (const char* cause : {"disk", "lock", "network", "poll", "timer", "wait", "ipc", "other"})
    times(rows, "hostlens.thread.blocked.duration", cause == std::string("poll") ? 9000 : 20,
          {{"cause", cause}});
  for (const char* disk : {"sda", "sdb", "sdc"})
    times(rows, "hostlens.disk.io.duration", 40,
          {{"device", disk}, {"disk.io.direction", "write"}});
  times(rows, "hostlens.interrupt.duration", 1000, {{"type", "softirq"}, {"vector", "NET_RX"}});
  times(rows, "hostlens.memory.fault.duration", 0, {{"type", "major"}});
  rows.unavailable = {{"hostlens.fsync.duration", "refused", "boot a kernel that has it"},
                      {"hostlens.listen.overflows", "refused", ""}};
  return rows;
}

/// Columns that a terminal shows: bytes that continue a character and escapes take none.
size_t columns(const std::string& line) {
  size_t count = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b')
      i = line.find('m', i);
    else if ((static_cast<unsigned char>(line[i]) & 0xC0U) != 0x80U)
      ++count;
  }
  return count;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

TEST(HostPageTest, FitsEveryTerminal) {
  for (const size_t width : {1, 5, 9, 20, 35, 36, 40, 51, 52, 79, 80, 100, 109, 110, 120, 250}) {
    for (const size_t height : {1, 2, 5, 9, 10, 11, 12, 21, 30, 37, 80}) {
      for (const bool dressed : {false, true}) {
        const auto lines = host_page(busy_host(), {width, height, dressed, dressed});
        EXPECT_LE(lines.size(), height) << width;
        for (const std::string& line : lines) EXPECT_LE(columns(line), width) << height << line;
      }
    }
  }
}

TEST(HostPageTest, TellsTheFiguresAtEightyColumns) {
  const auto lines = host_page(busy_host(), {80, 21, false, false});
  const std::string page = joined(lines);
  EXPECT_THAT(
      lines,
      Contains(StartsWith("CPU      ##############----  75.0%  user 50%, sys 25%, wait 5.0%")));
  EXPECT_THAT(page, HasSubstr("load 1.25 - -, 2 CPUs, - runnable"));  // not read is not 0
  EXPECT_THAT(page, HasSubstr("75.0%  1.00 GiB of 4.00 GiB available"));
  EXPECT_THAT(page, HasSubstr("io 12.5% (all 5.0%)"));
  EXPECT_THAT(page, HasSubstr("sdc       75.0% busy, read - -/s, write 1.00 MiB/s -/s"));
  EXPECT_THAT(page, HasSubstr("/var 91.0%"));
  EXPECT_THAT(page, HasSubstr("in 2.00 KiB/s -/s"));
  EXPECT_THAT(page, HasSubstr("errors 7"));
  EXPECT_THAT(page, HasSubstr("PER S     P50     P99   BELOW 1us     1ms        1s   64s"));
  EXPECT_THAT(
      lines,
      Contains(StartsWith("run queue wakeup         50 1.38 ms 1.94 ms 1.95 ms            #")));
}

TEST(HostPageTest, WhatIsUnavailableSaysSoAndWhy) {
  const std::string page = joined(host_page(busy_host(), {80, 21, false, false}));
  EXPECT_THAT(page, HasSubstr("unavailable: fsync: boot a kernel that has it"));
  EXPECT_THAT(page, HasSubstr("listen overflows unavailable"));
  EXPECT_THAT(page, HasSubstr("packets dropped 0/s"));  // a hook watches, and nothing came
  EXPECT_THAT(page, HasSubstr("none of disk queue, write-back, file I/O, major faults"));
  HostRows rows = busy_host();
  std::erase_if(rows.rows,
                [](const HostRow& row) { return row.name == "hostlens.pressure.share"; });
  EXPECT_THAT(joined(host_page(rows, {80, 21, false, false})), HasSubstr("PRESSURE unavailable: "));
}

TEST(HostPageTest, EverySignalHasALineBeforeOneHasTwo) {
  const std::string page = joined(host_page(busy_host(), {80, 21, false, false}));
  for (const char* signal :
       {"run queue wakeup", "  shop", "blocked ", "disk sd", "softirq NET_RX"}) {
    EXPECT_THAT(page, HasSubstr(signal));
  }
  EXPECT_THAT(page, Not(HasSubstr("blocked poll")));  // idle threads come last
  EXPECT_THAT(joined(host_page(busy_host(), {120, 50, false, false})), HasSubstr("blocked poll"));
}

TEST(HostPageTest, AReadingAloneHasLevelsAndNoRates) {
  HostRows rows;
  rows.files = rows.kernel = {0, 1};
  level(rows, "system.memory.limit", 1024);
  const std::string page = joined(host_page(rows, {80, 21, false, false}));
  EXPECT_THAT(page, HasSubstr("of 1.00 KiB available"));
  EXPECT_THAT(page, HasSubstr("distributions come with the next reading"));
  EXPECT_THAT(page, HasSubstr("packets dropped -"));
  EXPECT_THAT(host_page_time(rows), HasSubstr("next reading"));
  rows.kernel = {0, -1};
  EXPECT_THAT(joined(host_page(rows, {80, 21, false, false})), HasSubstr("hostlens doctor"));
  rows.files = {0, -1};
  EXPECT_THAT(joined(host_page(rows, {80, 21, false, false})), HasSubstr("nothing is read yet"));
}

TEST(HostPageTest, TheTimeIsThatOfTheDistributions) {
  EXPECT_EQ(host_page_time(busy_host()), "the last 10 s, read 3 s ago");
}

TEST(HostPageTest, TextsAndNumbersOfStrangersAreHarmless) {
  HostRows rows = busy_host();
  level(rows, "system.filesystem.utilization", 2,
        {{"system.filesystem.mountpoint", "/a\x1b[31m\xe2\x80\xae\xff"}});
  times(rows, "hostlens.fsync.duration", UINT64_MAX, {{"mountpoint", "\x07\n"}});
  rate(rows, "system.network.io", 1e300,
       {{"network.interface.name", std::string(5000, 'e')}, {"network.io.direction", "receive"}});
  level(rows, "system.uptime", -std::numeric_limits<double>::max());
  rows.unavailable.push_back({"hostlens.memory.reclaim.stall.duration", "\x1b[2J", ""});
  for (const auto& line : host_page(rows, {120, 60, false, false})) {
    EXPECT_THAT(line, Not(AnyOf(HasSubstr("\x1b"), HasSubstr("\x07"), HasSubstr("\n"))));
    EXPECT_LE(columns(line), 120U);
  }
}

}  // namespace
}  // namespace hostlens::agent
