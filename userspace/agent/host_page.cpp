// SPDX-License-Identifier: Apache-2.0
#include "agent/host_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/host_numbers.h"
#include "agent/quantity.h"
#include "agent/terminal_text.h"

namespace hostlens::agent {
namespace {

using web::HostRow;

constexpr size_t kNameWidth = 9;
constexpr size_t kBarWidth = 18;

std::string percent(std::optional<double> share) {
  return share ? fmt::format("{:.1f}%", std::clamp(*share, -9.99, 99.99) * 100) : "-";
}
std::string short_percent(double share) {
  return share >= 0.0995 ? fmt::format("{:.0f}%", std::min(share, 99.99) * 100) : percent(share);
}
std::string count(std::optional<double> number) { return number ? count_text(*number) : "-"; }
std::string bytes(std::optional<double> number) { return number ? size_text(*number) : "-"; }
std::string bytes_rate(std::optional<double> number) {
  return number ? size_text(*number) + "/s" : "-";
}
std::string span_text(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{:.0f} min", std::floor(seconds / 60));
  if (seconds < 2 * 86400) return fmt::format("{:.0f} h", std::floor(seconds / 3600));
  return fmt::format("{:.0f} d", std::min(std::floor(seconds / 86400), 99'999.0));
}

/// As many of them as fit, those first that matter most.
std::string joined(const std::vector<std::string>& parts, size_t room) {
  std::string text;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!text.empty() && text.size() + 2 + part.size() > room) break;
    text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

using Parts = std::vector<std::string>;
using Labels = HostNumbers::Labels;

/// The upper half.
class Facts {
 public:
  Facts(const web::HostRows& rows, const PageStyle& style)
      : answer_(rows), numbers_(rows), style_(style) {}

  /// At most `devices` lines for each kind of device.
  [[nodiscard]] std::vector<std::string> lines(size_t devices) {
    out_.clear();
    add_cpu();
    add_memory();
    add_swap();
    add_pressure();
    add_disks(devices);
    add_file_systems(devices);
    add_interfaces(devices);
    add_network_troubles();
    return std::move(out_);
  }

 private:
  void line(std::string_view name, const Parts& parts) {
    std::string head = terminal_cell(name, std::min(kNameWidth, style_.width));
    if (style_.colour && !name.empty()) head = fmt::format("\x1b[1m{}\x1b[0m", head);
    const size_t room = style_.width > kNameWidth ? style_.width - kNameWidth : 0;
    out_.push_back(head + terminal_text(joined(parts, room), room));
  }

  /// A line with a bar; red from 90 % on, yellow from 75 % on.
  void bar(std::string_view name, std::optional<double> share, Parts parts) {
    if (style_.width < kNameWidth + kBarWidth + 9) return line(name, {percent(share)});
    const double filled = std::clamp(share.value_or(0), 0.0, 1.0) * kBarWidth;
    const auto cells = static_cast<size_t>(std::lround(filled));
    std::string done;
    std::string rest;
    for (size_t i = 0; i < cells; ++i) done += style_.blocks ? "█" : "#";
    for (size_t i = cells; i < kBarWidth; ++i) rest += style_.blocks ? "░" : "-";
    std::string head = terminal_cell(name, kNameWidth);
    if (style_.colour) {
      const double is = share.value_or(0);
      head = fmt::format("\x1b[1m{}\x1b[0m", head);
      done = fmt::format("\x1b[{}m{}\x1b[0m", is >= 0.9 ? 31 : is >= 0.75 ? 33 : 32, done);
      rest = fmt::format("\x1b[2m{}\x1b[0m", rest);
    }
    const size_t room = style_.width - kNameWidth - kBarWidth - 9;
    out_.push_back(head + done + rest + fmt::format(" {:>6}  ", percent(share)) +
                   terminal_text(joined(parts, room), room));
  }

  void add_cpu() {
    const auto total = numbers_.sum("system.cpu.time");
    const auto share = [&](std::initializer_list<const char*> modes) {
      double seconds = 0;
      for (const char* mode : modes) {
        seconds += numbers_.get("system.cpu.time", {{"cpu.mode", mode}}).value_or(0);
      }
      return seconds / *total;
    };
    std::optional<double> busy;
    Parts parts;
    if (total && *total > 0) {
      busy = 1 - share({"idle", "iowait"});
      parts = {"user " + short_percent(share({"user", "nice"})),
               "sys " + short_percent(share({"system"})),
               "wait " + short_percent(share({"iowait"})),
               "steal " + short_percent(share({"steal"})),
               "interrupts " + short_percent(share({"interrupt", "softirq"}))};
    }
    bar("CPU", busy, parts);
    const auto load = [&](const char* minutes) {
      const auto is = numbers_.get(std::string("system.cpu.load_average.") + minutes);
      return is ? fmt::format("{:.2f}", *is) : "-";
    };
    const auto uptime = numbers_.get("system.uptime");
    line("", {fmt::format("load {} {} {}", load("1m"), load("5m"), load("15m")),
              counted("system.cpu.logical.count") + " CPUs",
              counted("hostlens.thread.runnable") + " runnable",
              counted("hostlens.thread.io_blocked") + " in I/O",
              counted("hostlens.cpu.context_switches") + " switches/s",
              "up " + (uptime ? span_text(*uptime) : "-"),
              counted("hostlens.cpu.interrupts") + " interrupts/s"});
  }

  [[nodiscard]] std::string counted(const char* name, const Labels& labels = {}) const {
    return count(numbers_.get(name, labels));
  }

  void add_memory() {
    const auto total = numbers_.get("system.memory.limit");
    const auto available = numbers_.get("system.memory.linux.available");
    std::optional<double> taken;
    if (total && available && *total > 0) taken = 1 - *available / *total;
    const auto state = [&](const char* name) {
      return bytes(numbers_.get("system.memory.usage", {{"system.memory.state", name}}));
    };
    bar("MEMORY", taken,
        {fmt::format("{} of {} available", bytes(available), bytes(total)), "used " + state("used"),
         "cached " + state("cached"), "free " + state("free")});
  }

  void add_swap() {
    const auto space = [&](const char* name) {
      return numbers_.sum("system.paging.usage", {{"system.paging.state", name}});
    };
    const auto used = space("used");
    const auto free = space("free");
    const auto pages = [&](const char* name) {
      return counted("system.paging.operations", {{"system.paging.direction", name}});
    };
    const std::string traffic = fmt::format("pages in {}/s out {}/s", pages("in"), pages("out"));
    const std::string faults =
        fmt::format("major faults {}/s",
                    counted("system.paging.faults", {{"system.paging.fault.type", "major"}}));
    if (used && free && *used + *free > 0) {
      bar("SWAP", *used / (*used + *free), {"of " + bytes(*used + *free), traffic, faults});
    } else {
      line("SWAP", {"none", traffic, faults});
    }
  }

  void add_pressure() {
    const std::string name = "hostlens.pressure.share";
    if (numbers_.rows(name).empty()) {
      return line("PRESSURE", {"unavailable: no /proc/pressure (CONFIG_PSI, psi=1)"});
    }
    Parts parts;
    for (const char* resource : {"cpu", "memory", "io", "irq"}) {
      const auto some = numbers_.get(name, {{"kind", "some"}, {"resource", resource}});
      const auto full = numbers_.get(name, {{"kind", "full"}, {"resource", resource}});
      if (!some && !full) continue;
      std::string part = fmt::format("{} {}", resource, percent(some ? some : full));
      // The kernel tells none of a whole host's CPUs: always 0.
      if (some && full && resource != std::string_view("cpu")) {
        part += fmt::format(" (all {})", percent(full));
      }
      parts.push_back(std::move(part));
    }
    parts.emplace_back("of the last 10 s");
    line("PRESSURE", parts);
  }

  void add_disks(size_t most) {
    const std::string device = "system.device";
    const std::string time = "system.disk.io_time";
    const bool rates = !numbers_.rows(time).empty();
    const auto disks = rates ? numbers_.largest(time, device, most)
                             : numbers_.largest("hostlens.disk.io.in_flight", "device", most);
    if (disks.empty()) return line("DISK", {"-"});
    for (const std::string& disk : disks) {
      const auto traffic = [&](const char* way) {
        const Labels labels = {{device, disk}, {"disk.io.direction", way}};
        return fmt::format("{} {} {}/s", way, bytes_rate(numbers_.get("system.disk.io", labels)),
                           counted("system.disk.operations", labels));
      };
      line(&disk == &disks.front() ? "DISK" : "",
           {fmt::format("{} {:>6} busy", terminal_cell(disk, 8),
                        percent(numbers_.get(time, {{device, disk}}))),
            traffic("read"), traffic("write"),
            counted("hostlens.disk.io.in_flight", {{"device", disk}}) + " in flight"});
    }
  }

  void add_file_systems(size_t most) {
    const std::string share = "system.filesystem.utilization";
    const auto mounts = numbers_.largest(share, kPoint, most == 1 ? 3 : most);
    bool first = true;
    const auto name = [&first] { return std::exchange(first, false) ? "FILES" : ""; };
    for (const HostRow* row : numbers_.rows("hostlens.filesystem.stuck")) {
      const auto mount = row->attributes.find(kPoint);
      if (row->value <= 0 || mount == row->attributes.end()) continue;
      line(name(), {mount->second + " does not answer"});
      break;
    }
    if (mounts.empty() && first) return line(name(), {"-"});
    Parts shares;
    for (const std::string& mount : mounts) {
      const auto full = numbers_.get(share, {{kPoint, mount}});
      shares.push_back(fmt::format("{} {}", terminal_text(mount, 30), percent(full)));
      if (most > 1) bar(name(), full, file_system(mount));
    }
    if (most == 1) line(name(), shares);
  }

  [[nodiscard]] Parts file_system(const std::string& mount) const {
    const auto state = [&](const char* metric, const char* which) {
      return numbers_.get(metric, {{kPoint, mount}, {"system.filesystem.state", which}});
    };
    Parts parts = {terminal_text(mount, 40),
                   bytes(state("system.filesystem.usage", "free")) + " left"};
    const auto used = state("system.filesystem.inodes.usage", "used");
    const auto free = state("system.filesystem.inodes.usage", "free");
    if (used && free && *used + *free > 0) {
      parts.push_back("inodes " + percent(*used / (*used + *free)));
    }
    return parts;
  }

  void add_interfaces(size_t most) {
    const std::string name = "network.interface.name";
    const auto interfaces = numbers_.largest("system.network.io", name, most);
    if (interfaces.empty()) return line("NETWORK", {"-"});
    for (const std::string& interface : interfaces) {
      const auto traffic = [&](const char* word, const char* way) {
        const Labels labels = {{name, interface}, {"network.io.direction", way}};
        return fmt::format("{} {} {}/s", word,
                           bytes_rate(numbers_.get("system.network.io", labels)),
                           counted("system.network.packet.count", labels));
      };
      const auto both = [&](const char* metric) {
        return count(numbers_.sum(metric, {{name, interface}}));
      };
      line(&interface == &interfaces.front() ? "NETWORK" : "",
           {fmt::format("{} {}", terminal_cell(interface, 8), traffic("in", "receive")),
            traffic("out", "transmit"),
            fmt::format("errors {} drops {}", both("system.network.errors"),
                        both("system.network.packet.dropped"))});
    }
  }

  /// Of the kernel's programs: what no series counts did not happen.
  [[nodiscard]] std::string happened(const std::string& name) const {
    for (const auto& missing : answer_.unavailable) {
      if (missing.signal == name) return "unavailable";
    }
    if (answer_.kernel.seconds <= 0) return "-";
    return count_text(numbers_.sum(name).value_or(0)) + "/s";
  }

  void add_network_troubles() {
    const std::string drops = "hostlens.packet.drops";
    Parts parts = {fmt::format("retransmits {}/s", counted("hostlens.network.tcp.retransmits")),
                   "listen overflows " + happened("hostlens.listen.overflows"),
                   "packets dropped " + happened(drops), "OOM " + happened("hostlens.oom.kills")};
    const auto reasons = numbers_.largest(drops, "reason", 1);
    if (!reasons.empty() && numbers_.sum(drops).value_or(0) > 0) {
      parts.push_back("drops mostly by " + terminal_text(reasons.front(), 32));
    }
    line("", parts);
  }

  const std::string kPoint = "system.filesystem.mountpoint";
  const web::HostRows& answer_;
  HostNumbers numbers_;
  PageStyle style_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> host_page(const web::HostRows& rows, const PageStyle& style) {
  if (rows.files.age_seconds < 0) return {terminal_text("nothing is read yet", style.width)};
  // The distributions get the larger half, the devices of the upper one what is left.
  const size_t devices = style.height < 30 ? 1 : std::min<size_t>(style.height / 10, 8);
  std::vector<std::string> lines = Facts(rows, style).lines(devices);
  if (style.height > lines.size() + 1) {
    const bool airy = style.height >= 30;
    if (airy) lines.emplace_back();
    PageStyle rest = style;
    rest.height = style.height - lines.size();
    for (std::string& line : distribution_lines(rows, rest)) lines.push_back(std::move(line));
  }
  lines.resize(std::min(lines.size(), style.height));
  return lines;
}

std::string host_page_time(const web::HostRows& rows) {
  const auto& times = rows.kernel.seconds > 0 ? rows.kernel : rows.files;
  if (times.seconds <= 0) return "rates come with the next reading";
  return fmt::format("the last {}, read {} ago", span_text(times.seconds),
                     span_text(std::max(times.age_seconds, 0.0)));
}

}  // namespace hostlens::agent
