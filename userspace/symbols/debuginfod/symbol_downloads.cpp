// SPDX-License-Identifier: Apache-2.0
#include "symbols/debuginfod/symbol_downloads.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/worker_thread.h"

namespace hostlens::symbols {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kStep{200};

}  // namespace

bool DownloadQueue::add(const std::string& build_id, TimePoint now) {
  const auto refused = refused_.find(build_id);
  if (refused != refused_.end() && refused->second > now) return false;
  if (std::ranges::find(waiting_, build_id) != waiting_.end()) return true;
  if (waiting_.size() >= kMostWaiting) return false;
  waiting_.push_back(build_id);
  return true;
}

void DownloadQueue::end_first(Download outcome, TimePoint now) {
  std::string build_id = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  if (outcome == Download::kStored || outcome == Download::kCancelled) return;
  if (const auto before = refused_.find(build_id); before != refused_.end()) {
    std::erase_if(by_time_, [&](const auto& entry) { return entry.second == build_id; });
    refused_.erase(before);
  }
  if (refused_.size() >= kMostRefused) {
    refused_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
  const TimePoint until =
      now + (is_passing(outcome) ? std::chrono::duration_cast<Clock::duration>(kPassingFor)
                                 : std::chrono::duration_cast<Clock::duration>(kRefusedFor));
  by_time_.emplace(until, build_id);
  refused_.emplace(std::move(build_id), until);
}

std::vector<std::string> DownloadQueue::take_forgiven(TimePoint now) {
  std::vector<std::string> forgiven;
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    refused_.erase(by_time_.begin()->second);
    forgiven.push_back(std::move(by_time_.begin()->second));
    by_time_.erase(by_time_.begin());
  }
  return forgiven;
}

base::Result<std::unique_ptr<SymbolDownloads>> SymbolDownloads::start(DebuginfodSettings settings,
                                                                      kernel::DebugCache& cache) {
  std::unique_ptr<SymbolDownloads> self(new SymbolDownloads(cache));
  auto servers = DebugServers::create(std::move(settings), cache);
  if (!servers) return std::move(servers).error();
  self->servers_ = *std::move(servers);
  auto thread = base::start_thread("debuginfod", [raw = self.get()] { raw->run(); });
  if (!thread) return std::move(thread).error();
  self->thread_ = *std::move(thread);
  return self;
}

SymbolDownloads::~SymbolDownloads() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  servers_->cancel();
  thread_.join();
}

base::Result<base::UniqueFd> SymbolDownloads::open(const std::string& build_id) {
  if (!kernel::is_build_id(build_id)) return base::invalid_error("debuginfod: no build id");
  auto cached = cache_.open_cached(build_id);
  if (cached || cached.error().kind != base::Error::Kind::kNotFound) return cached;
  {
    const std::lock_guard lock(mutex_);
    (void)queue_.add(build_id, Clock::now());
  }
  changed_.notify_all();
  return cached;
}

std::vector<std::string> SymbolDownloads::take_changed() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> changed = std::exchange(arrived_, {});
  for (std::string& build_id : queue_.take_forgiven(Clock::now())) {
    changed.push_back(std::move(build_id));
  }
  return changed;
}

void SymbolDownloads::wait(std::chrono::nanoseconds patience,
                           const std::function<void(size_t)>& step) {
  const auto end = Clock::now() + patience;
  std::unique_lock lock(mutex_);
  while (!queue_.is_empty() && !resting_ && Clock::now() < end) {
    const size_t left = queue_.size();
    lock.unlock();
    step(left);
    lock.lock();
    if (resting_) return;
    changed_.wait_until(lock, std::min(end, Clock::now() + kStep));
  }
}

size_t SymbolDownloads::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

DownloadCounts SymbolDownloads::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void SymbolDownloads::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.is_empty(); });
    // While all servers rest, what waits goes on waiting.
    while (!stopping_ && servers_->rests_until() > Clock::now()) {
      resting_ = true;
      changed_.notify_all();
      changed_.wait_until(lock, servers_->rests_until());
    }
    resting_ = false;
    if (stopping_) return;
    const std::string build_id = queue_.first();
    lock.unlock();
    const Download outcome = servers_->fetch(build_id);
    lock.lock();
    queue_.end_first(outcome, Clock::now());
    if (outcome == Download::kStored) arrived_.push_back(build_id);
    if (outcome != Download::kCancelled) ++counts_[static_cast<size_t>(outcome)];
    changed_.notify_all();
  }
}

}  // namespace hostlens::symbols
