// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/kernel_reading.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <utility>

#include "aggregators/kernel_extras.h"
#include "base/clock.h"
#include "kernel/system_calls.h"
#include "probes/system_call_books.h"
#include "scrapers/device_names.h"

namespace hostlens::agent {
namespace {

struct Whole {
  signal_key key;
  model::SignalDistribution distribution;
};
struct Count {
  signal_key key;
  uint64_t count;
};

}  // namespace

std::string KernelReading::Names::system_call(uint32_t number) const {
  return kernel::system_call_name(number);
}
std::string KernelReading::Names::disk(uint32_t device) const {
  return scrapers::disk_name({}, device);
}
std::string KernelReading::Names::mount_point(uint32_t device) const {
  return scrapers::mount_point({}, device);
}
std::string KernelReading::Names::interrupt_handler(uint32_t irq, uint16_t hash) const {
  return scrapers::interrupt_handler({}, irq, hash);
}

std::string KernelReading::Names::packet_drop_reason(uint32_t number) const {
  const auto found = packet_drop_reasons_.find(number);
  return found == packet_drop_reasons_.end() ? std::string() : found->second;
}

KernelReading::KernelReading(probes::SignalTables tables, Extras extras,
                             discovery::ProcessTable& processes,
                             std::shared_ptr<const model::Service> host, size_t series_per_family)
    : tables_(std::move(tables)),
      system_call_books_(std::move(extras.system_call_books)),
      start_unix_ns_(extras.start_unix_ns),
      series_per_family_(series_per_family),
      processes_(processes),
      cgroups_({}, processes),
      names_(std::move(extras.packet_drop_reasons)),
      signals_(std::move(host), names_, series_per_family),
      kernel_(processes.service_named("kernel")),
      other_(processes.service_named("other")) {
  if (extras.listeners) listener_reader_.emplace(std::move(extras.listeners));
  if (!extras.oom_kills) return;
  auto reader = probes::OomKills::open(std::move(extras.oom_kills));
  if (reader) {
    oom_kill_reader_ = *std::move(reader);
  } else {
    report_once(reader.error());
  }
}

/// A refusal is that of every reading: one line is enough.
void KernelReading::report_once(const base::Error& error) {
  if (!std::exchange(reported_, true)) spdlog::error("kernel signals: {}", error.text());
}

void KernelReading::begin(const std::vector<scrapers::CgroupTarget>& cgroups) {
  if (begun_) return;
  std::vector<uint64_t> ids;
  for (const scrapers::CgroupTarget& cgroup : cgroups) {
    const std::string_view path = discovery::unified_path(cgroup.membership);
    if (path.size() <= 1) continue;  // the root is nobody's
    if (const uint64_t id = cgroups_.number_of(path); id != 0) ids.push_back(id);
  }
  if (auto set = tables_.set_service_cgroups(ids); !set) report_once(set.error());
  if (listener_reader_) {  // before the turn: it counts what they dropped
    auto listeners = listener_reader_->read();
    if (!listeners) report_once(listeners.error());
    listeners_ = listeners ? *std::move(listeners) : std::vector<model::ListenerState>{};
  }
  if (auto turned = tables_.turn(); !turned) return report_once(turned.error());
  turned_ns_ = base::monotonic_now_ns();
  begun_ = true;
}

std::shared_ptr<const model::Service> KernelReading::service_of(uint64_t owner) {
  if (owner == SIGNAL_OWNER_HOST) return nullptr;
  if (owner == SIGNAL_OWNER_KERNEL) return kernel_;
  if (owner == SIGNAL_OWNER_OTHER) return other_;
  if ((owner & SIGNAL_OWNER_PROCESS) == 0) {
    auto service = cgroups_.service_of(owner);
    return service != nullptr ? service : other_;
  }
  const auto pid = static_cast<uint32_t>(owner & ((1U << SIGNAL_OWNER_PID_BITS) - 1));
  const uint64_t ticks = (owner & ~SIGNAL_OWNER_PROCESS) >> SIGNAL_OWNER_PID_BITS;
  const auto process = processes_.resolve(pid);
  if (process == nullptr || process->key.start_ticks != ticks) return other_;
  return process->service;
}

std::vector<model::MetricFamily> KernelReading::extra_families() {
  std::vector<model::MetricFamily> families;
  for (model::ListenerState& listener : listeners_) listener.service = service_of(listener.owner);
  aggregators::add_listener_families(families, listeners_, series_per_family_, base::unix_now_ns());
  if (system_call_books_) {
    const auto books = probes::read_system_call_books(system_call_books_.get());
    if (books) aggregators::add_system_call_families(families, *books, start_unix_ns_);
  }
  return families;
}

std::vector<oom_kill> KernelReading::take_oom_kills() {
  if (!oom_kill_reader_) return {};
  auto kills = oom_kill_reader_->take();
  if (!kills) report_once(kills.error());
  return kills ? *std::move(kills) : std::vector<oom_kill>{};
}

void KernelReading::set_oom_kills(const std::vector<oom_kill>& kills) {
  if (!oom_kill_reader_) return;
  static const auto kPageBytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  auto told = std::make_shared<std::vector<model::OomKill>>();
  for (const oom_kill& is : kills) {
    told->push_back({service_of(is.owner), is.time_ns, is.victim, is.victim_pid, is.asker,
                     is.asker_pid, is.cgroup, is.limit_pages * kPageBytes,
                     is.used_pages * kPageBytes, is.anonymous_pages * kPageBytes,
                     is.file_pages * kPageBytes, is.shared_pages * kPageBytes});
  }
  oom_kills_ = std::move(told);
}

bool KernelReading::finish(uint64_t now_ns, uint64_t idle_ns) {
  if (!std::exchange(begun_, false)) return false;
  std::vector<Whole> wholes;
  std::vector<Count> counts;
  auto taken = tables_.take(
      [&](const signal_key& key, const model::SignalDistribution& distribution) {
        wholes.push_back({key, distribution});
        if ((key.owner & SIGNAL_OWNER_PROCESS) == 0) (void)service_of(key.owner);
      },
      [&](const signal_key& key, uint64_t count) {
        counts.push_back({key, count});
        if ((key.owner & SIGNAL_OWNER_PROCESS) == 0) (void)service_of(key.owner);
      });
  if (!taken) report_once(taken.error());
  for (const model::ListenerState& listener : listeners_) (void)service_of(listener.owner);
  const std::vector<oom_kill> kills = take_oom_kills();
  for (const oom_kill& kill : kills) (void)service_of(kill.owner);
  cgroups_.refresh(now_ns);  // finds those that were asked for
  for (const Whole& whole : wholes) {
    signals_.add(whole.key, service_of(whole.key.owner), whole.distribution);
  }
  for (const Count& count : counts) {
    signals_.add(count.key, service_of(count.key.owner), count.count);
  }
  set_oom_kills(kills);
  if (auto books = tables_.books()) books_ = *books;
  loads_.clear();
  last_ns_ = turned_ns_;
  last_ = signals_.families(now_ns, idle_ns, loads_, extra_families());
  return true;
}

}  // namespace hostlens::agent
