// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/host_scrape.h"

#include <pthread.h>

#include <utility>

#include "base/clock.h"

namespace hostlens::agent {

HostScrape::HostScrape(scrapers::HostMetricsSettings settings)
    : host_(std::move(settings)), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "host-scrape");
}

HostScrape::~HostScrape() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool HostScrape::begin(ScrapeTargets targets) {
  {
    const std::lock_guard lock(mutex_);
    if (reading_ || wanted_) return false;
    wanted_ = std::move(targets);
  }
  changed_.notify_all();
  return true;
}

bool HostScrape::busy() const {
  const std::lock_guard lock(mutex_);
  return reading_ || wanted_;
}

bool HostScrape::wait(std::chrono::milliseconds longest) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, longest, [this] { return !reading_ && !wanted_; });
}

HostScrape::Families HostScrape::last(uint64_t* read_ns) const {
  const std::lock_guard lock(mutex_);
  if (read_ns != nullptr) *read_ns = last_ns_;
  return last_;
}

HostScrape::Processes HostScrape::last_processes() const {
  const std::lock_guard lock(mutex_);
  return last_processes_;
}

HostScrape::Processes HostScrape::copy_processes() const {
  auto copy = std::make_shared<std::vector<health::ServiceProcess>>();
  copy->reserve(host_.processes().size());
  for (const scrapers::ProcessUse& use : host_.processes()) {
    copy->push_back({use.service, use.key, use.executable, use.state == 'Z', use.threads,
                     use.open_files, use.open_files_limit, use.user_threads_limit});
  }
  return copy;
}

HostScrape::Families HostScrape::read(ScrapeTargets targets) {
  host_.set_processes(std::move(targets.processes));
  host_.set_cgroups(std::move(targets.cgroups));
  host_.set_runtimes(std::move(targets.runtimes));
  host_.add_runtime_errors(targets.runtime_errors);
  model::MetricSnapshot snapshot;
  snapshot.unix_ns = base::unix_now_ns();
  host_.scrape(snapshot);
  return std::make_shared<const std::vector<model::MetricFamily>>(std::move(snapshot.families));
}

void HostScrape::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ends_ || wanted_; });
    if (ends_) return;
    ScrapeTargets targets = *std::exchange(wanted_, std::nullopt);
    reading_ = true;
    lock.unlock();
    const uint64_t begun_ns = base::monotonic_now_ns();
    Families families = read(std::move(targets));
    Processes processes = copy_processes();
    lock.lock();
    last_.swap(families);
    last_ns_ = begun_ns;
    last_processes_.swap(processes);
    reading_ = false;
    changed_.notify_all();
    lock.unlock();
    families.reset();  // may be the last owner: not with the lock
    processes.reset();
    lock.lock();
  }
}

}  // namespace hostlens::agent
