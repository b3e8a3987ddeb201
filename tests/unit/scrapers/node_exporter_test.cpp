// SPDX-License-Identifier: Apache-2.0
// Prometheus' node_exporter as the judge: it reads this host between two readings of ours, so what
// only grows lies between them and what stays is the same.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "scrapers/host_metrics.h"
#include "unit/scrapers/host_fixture.h"

namespace hostlens::scrapers {
namespace {

std::string program() {
  const char* const folder = std::getenv("HOSTLENS_ORACLES");
  return std::string(folder != nullptr ? folder : ORACLES) + "/bin/debian-node-exporter";
}

uint16_t free_port() {
  const base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return 0;
  }
  return ntohs(address.sin_port);
}

size_t append(char* data, size_t size, size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

std::string get(const std::string& url) {
  std::string text;
  CURL* const curl = ::curl_easy_init();
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
  ::curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
  const bool good = ::curl_easy_perform(curl) == CURLE_OK;
  ::curl_easy_cleanup(curl);
  return good ? text : std::string();
}

class NodeExporterTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::access(program().c_str(), X_OK) != 0) {
      GTEST_SKIP() << "no " << program() << ": tests/oracles/build.sh makes it";
    }
    const std::string address = "127.0.0.1:" + std::to_string(free_port());
    const std::string listen = "--web.listen-address=" + address;
    url_ = "http://" + address + "/metrics";
    pid_ = ::fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      const int null = ::open("/dev/null", O_RDWR);
      ::dup2(null, STDOUT_FILENO);
      ::dup2(null, STDERR_FILENO);
      ::execl(program().c_str(), "node-exporter", listen.c_str(), nullptr);
      ::_exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (get(url_).empty() && std::chrono::steady_clock::now() < deadline) ::usleep(50'000);
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  Points ours() {
    model::MetricSnapshot snapshot;
    snapshot.unix_ns = base::unix_now_ns();
    host_.scrape(snapshot);
    return points_of(snapshot);
  }

  /// "name{labels}" to value.
  Points theirs() {
    Points points;
    std::istringstream page(get(url_));
    for (std::string line; std::getline(page, line);) {
      const size_t blank = line.rfind(' ');
      if (line.empty() || line[0] == '#' || blank == std::string::npos) continue;
      points[line.substr(0, blank)] = std::strtod(line.c_str() + blank, nullptr);
    }
    return points;
  }

  HostMetrics host_{{}};
  std::string url_;
  pid_t pid_ = -1;
};

struct Pair {
  std::string ours, theirs;
};

std::vector<Pair> pairs(const Points& ours) {
  std::vector<Pair> list = {
      {"system.cpu.time{cpu.logical_number=0,cpu.mode=user}",
       "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}"},
      {"system.cpu.time{cpu.logical_number=0,cpu.mode=nice}",
       "node_cpu_seconds_total{cpu=\"0\",mode=\"nice\"}"},
      {"system.cpu.time{cpu.logical_number=0,cpu.mode=system}",
       "node_cpu_seconds_total{cpu=\"0\",mode=\"system\"}"},
      {"system.cpu.time{cpu.logical_number=0,cpu.mode=interrupt}",
       "node_cpu_seconds_total{cpu=\"0\",mode=\"irq\"}"},
      {"system.cpu.time{cpu.logical_number=0,cpu.mode=softirq}",
       "node_cpu_seconds_total{cpu=\"0\",mode=\"softirq\"}"},
      {"system.cpu.time{cpu.logical_number=0,cpu.mode=steal}",
       "node_cpu_seconds_total{cpu=\"0\",mode=\"steal\"}"},
      {"system.process.created{}", "node_forks_total"},
      {"hostlens.cpu.context_switches{}", "node_context_switches_total"},
      {"hostlens.cpu.interrupts{}", "node_intr_total"},
      {"system.memory.limit{}", "node_memory_MemTotal_bytes"},
      {"hostlens.file_handle.limit{}", "node_filefd_maximum"},
      {"system.paging.faults{system.paging.fault.type=major}", "node_vmstat_pgmajfault"},
      {"system.paging.operations{system.paging.direction=in}", "node_vmstat_pswpin"},
      {"system.paging.operations{system.paging.direction=out}", "node_vmstat_pswpout"},
      {"hostlens.pressure.time{kind=some,resource=cpu}", "node_pressure_cpu_waiting_seconds_total"},
      {"hostlens.pressure.time{kind=some,resource=memory}",
       "node_pressure_memory_waiting_seconds_total"},
      {"hostlens.pressure.time{kind=full,resource=memory}",
       "node_pressure_memory_stalled_seconds_total"},
      {"hostlens.pressure.time{kind=some,resource=io}", "node_pressure_io_waiting_seconds_total"},
      {"hostlens.pressure.time{kind=full,resource=io}", "node_pressure_io_stalled_seconds_total"},
      {"hostlens.network.tcp.retransmits{}", "node_netstat_Tcp_RetransSegs"},
      {"hostlens.network.tcp.connections{side=client}", "node_netstat_Tcp_ActiveOpens"},
      {"hostlens.network.tcp.connections{side=server}", "node_netstat_Tcp_PassiveOpens"},
      {"hostlens.network.tcp.segments{network.io.direction=receive}", "node_netstat_Tcp_InSegs"},
      {"hostlens.network.tcp.resets{side=sent}", "node_netstat_Tcp_OutRsts"},
      {"hostlens.network.tcp.listen.overflows{}", "node_netstat_TcpExt_ListenOverflows"},
      {"hostlens.network.tcp.listen.drops{}", "node_netstat_TcpExt_ListenDrops"},
      {"hostlens.network.tcp.syn.retransmits{}", "node_netstat_TcpExt_TCPSynRetrans"},
      {"hostlens.network.udp.datagrams{network.io.direction=receive,network.type=ipv4}",
       "node_netstat_Udp_InDatagrams"},
      {"hostlens.network.udp.errors{network.type=ipv4,reason=no_port}", "node_netstat_Udp_NoPorts"},
      {"hostlens.network.udp.errors{network.type=ipv4,reason=receive_buffer}",
       "node_netstat_Udp_RcvbufErrors"},
      {"hostlens.conntrack.limit{}", "node_nf_conntrack_entries_limit"},
      {"hostlens.clock.synchronized{}", "node_timex_sync_status"}};
  const auto add = [&](const std::string& family, const std::string& theirs_head) {
    for (const auto& [name, number] : ours) {
      if (!name.starts_with(family)) continue;
      std::string device = name.substr(name.find(
          family.find("disk") != std::string::npos ? "system.device=" : "network.interface.name="));
      device = device.substr(device.find('=') + 1);
      device = device.substr(0, device.find_first_of(",}"));
      list.push_back({name, theirs_head + "{device=\"" + device + "\"}"});
    }
  };
  add("system.disk.io{disk.io.direction=read", "node_disk_read_bytes_total");
  add("system.disk.io{disk.io.direction=write", "node_disk_written_bytes_total");
  add("system.disk.operations{disk.io.direction=read", "node_disk_reads_completed_total");
  add("system.disk.operations{disk.io.direction=write", "node_disk_writes_completed_total");
  add("system.disk.operations{disk.io.direction=discard", "node_disk_discards_completed_total");
  add("system.disk.operations{disk.io.direction=flush", "node_disk_flush_requests_total");
  add("system.disk.operation_time{disk.io.direction=read", "node_disk_read_time_seconds_total");
  add("system.disk.operation_time{disk.io.direction=write", "node_disk_write_time_seconds_total");
  add("system.disk.merged{disk.io.direction=write", "node_disk_writes_merged_total");
  add("system.disk.io_time{", "node_disk_io_time_seconds_total");
  for (const auto& [name, number] : ours) {
    if (!name.starts_with("system.network.")) continue;
    const bool receive = name.find("direction=receive") != std::string::npos;
    const std::string side = receive ? "receive" : "transmit";
    const std::string device = [&] {
      const std::string rest = name.substr(name.find("network.interface.name=") + 23);
      return rest.substr(0, rest.find_first_of(",}"));
    }();
    const std::string labels = "{device=\"" + device + "\"}";
    if (name.starts_with("system.network.io{")) {
      list.push_back({name, "node_network_" + side + "_bytes_total" + labels});
    } else if (name.starts_with("system.network.packet.count{")) {
      list.push_back({name, "node_network_" + side + "_packets_total" + labels});
    } else if (name.starts_with("system.network.errors{")) {
      list.push_back({name, "node_network_" + side + "_errs_total" + labels});
    } else if (name.starts_with("system.network.packet.dropped{")) {
      list.push_back({name, "node_network_" + side + "_drop_total" + labels});
    }
  }
  return list;
}

TEST_F(NodeExporterTest, ItsValuesLieBetweenTwoReadingsOfOurs) {
  const Points before = ours();
  const Points judge = theirs();
  const Points after = ours();
  ASSERT_FALSE(judge.empty());
  size_t compared = 0;
  for (const Pair& pair : pairs(before)) {
    const auto first = value(before, pair.ours);
    const auto last = value(after, pair.ours);
    const auto theirs = value(judge, pair.theirs);
    if (!first && !theirs) continue;  // this kernel tells neither
    ASSERT_TRUE(first && last) << pair.ours;
    // It leaves alone some that we tell (loop and zram disks that are in use).
    if (!theirs) continue;
    const double rounding = 1e-9 * (1 + *last);
    EXPECT_GE(*theirs, *first - rounding) << pair.ours;
    EXPECT_LE(*theirs, *last + rounding) << pair.ours;
    ++compared;
  }
  EXPECT_GE(compared, 40U);
  RecordProperty("compared", static_cast<int>(compared));
}

TEST_F(NodeExporterTest, ItsFileSystemsHaveTheSameSizes) {
  const Points mine = ours();
  const Points judge = theirs();
  size_t compared = 0;
  for (const auto& [name, bytes] : judge) {
    const std::string head = "node_filesystem_size_bytes{";
    if (!name.starts_with(head)) continue;
    std::string point = name.substr(name.find("mountpoint=\"") + 12);
    point = point.substr(0, point.find('"'));
    for (const auto& [our_name, our_bytes] : mine) {
      if (!our_name.starts_with("system.filesystem.limit{") ||
          our_name.find("mountpoint=" + point + ",") == std::string::npos) {
        continue;
      }
      EXPECT_EQ(our_bytes, bytes) << point;
      ++compared;
    }
  }
  EXPECT_GE(compared, 1U);
}

TEST_F(NodeExporterTest, ItSeesTheSameBootAndLoad) {
  const Points mine = ours();
  const Points judge = theirs();
  const double boot = static_cast<double>(base::unix_now_ns()) / 1e9 - mine.at("system.uptime{}");
  // Its figure is the kernel's btime, in whole seconds.
  EXPECT_NEAR(boot, judge.at("node_boot_time_seconds"), 2.5);
  // The kernel makes the load anew every 5 seconds.
  EXPECT_NEAR(mine.at("system.cpu.load_average.15m{}"), judge.at("node_load15"), 0.2);
  EXPECT_NEAR(mine.at("system.memory.usage{system.memory.state=free}"),
              judge.at("node_memory_MemFree_bytes"), 512e6);
}

}  // namespace
}  // namespace hostlens::scrapers
