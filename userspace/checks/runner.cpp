// SPDX-License-Identifier: Apache-2.0
#include "checks/runner.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "aggregators/attribute_set.h"
#include "aggregators/family_list.h"
#include "base/clock.h"
#include "base/utf8.h"

namespace hostlens::checks {
namespace {

using model::CheckResult;

constexpr uint64_t kSecondNs = 1'000'000'000;
/// A check ends by itself at its timeout; so much later it is taken for one that cannot.
constexpr uint64_t kGraceNs = 500'000'000;
constexpr std::chrono::milliseconds kLastWait{500};
constexpr size_t kMostText = 1024;
constexpr size_t kMostErrorTypes = 16;

CheckResult no_return(const char* text) { return failed("timeout", text); }

/// Texts come from commands and peers: one valid line of bounded length.
void clean(CheckResult& result) {
  result.text.resize(std::min(result.text.size(), kMostText));
  result.text.resize(base::valid_utf8_prefix(result.text));
  result.error_type.resize(std::min<size_t>(result.error_type.size(), 64));
}

}  // namespace

CheckRunner::CheckRunner(std::vector<CheckSettings> checks, size_t at_once,
                         CheckEnvironment environment, const Make& make)
    : at_once_(at_once), shared_(std::make_shared<Shared>()), random_(std::random_device{}()) {
  shared_->cancel = base::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const uint64_t now_ns = base::monotonic_now_ns();
  for (CheckSettings& settings : checks) {
    Item& item = items_.emplace_back();
    item.check = make(settings, environment);
    item.status.name = settings.name;
    item.status.type = name_of(settings.type);
    item.status.target = settings.target;
    item.status.failures_needed = settings.failures;
    item.status.interval_ns = settings.interval_ns;
    const uint64_t spread = std::min(settings.interval_ns, kSecondNs);
    item.due_ns = now_ns + std::uniform_int_distribution<uint64_t>(0, spread)(random_);
    item.settings = std::move(settings);
  }
  thread_ = std::thread([this] { loop(); });
  ::pthread_setname_np(thread_.native_handle(), "checks");
}

CheckRunner::~CheckRunner() {
  const uint64_t one = 1;
  (void)!::write(shared_->cancel.get(), &one, sizeof one);
  {
    const std::lock_guard lock(shared_->mutex);
    ends_ = true;
  }
  shared_->changed.notify_all();
  thread_.join();
  std::unique_lock lock(shared_->mutex);
  (void)shared_->changed.wait_for(lock, kLastWait, [this] {
    return std::all_of(items_.begin(), items_.end(), [](const Item& item) {
      return item.run == nullptr || item.given_up || item.run->done;
    });
  });
}

uint64_t CheckRunner::jittered(uint64_t ns) {
  const uint64_t tenth = ns / 10;
  return ns - tenth + std::uniform_int_distribution<uint64_t>(0, 2 * tenth)(random_);
}

void CheckRunner::loop() {
  std::unique_lock lock(shared_->mutex);
  while (!ends_) {
    const uint64_t now_ns = base::monotonic_now_ns();
    collect(now_ns);
    size_t running = 0;
    size_t stuck = 0;
    std::vector<Item*> due;
    for (Item& item : items_) {
      if (item.run != nullptr) (item.given_up ? stuck : running) += 1;
      if (item.due_ns <= now_ns) due.push_back(&item);
    }
    // Who waits longest comes first, so that nobody starves when there are too many.
    std::sort(due.begin(), due.end(),
              [](const Item* a, const Item* b) { return a->due_ns < b->due_ns; });
    for (Item* item : due) {
      if (item->run != nullptr && !item->given_up) {
        item->due_ns = now_ns + jittered(item->settings.interval_ns);
      } else if (item->given_up) {
        record(*item, no_return("the run before has not come back yet"), now_ns);
        item->due_ns = now_ns + jittered(item->settings.interval_ns);
      } else if (running < at_once_ && stuck < kMostStuck) {
        item->due_ns = now_ns + jittered(item->settings.interval_ns);
        if (begin(*item, now_ns)) ++running;
      }
    }
    const uint64_t wait_ns = next_event_ns(now_ns) - now_ns;
    shared_->changed.wait_for(lock, std::chrono::nanoseconds(wait_ns));
  }
}

void CheckRunner::collect(uint64_t now_ns) {
  for (Item& item : items_) {
    if (item.run == nullptr) continue;
    const bool late = now_ns >= item.run->begin_ns + item.run->timeout_ns + kGraceNs;
    if (item.run->done) {
      // What comes back after it was given up was counted then.
      if (!item.given_up) record(item, std::move(item.run->result), item.run->end_ns);
      item.run.reset();
      item.given_up = false;
    } else if (late && !item.given_up) {
      item.given_up = true;
      CheckResult result = no_return("no end within the timeout");
      result.seconds = static_cast<double>(now_ns - item.run->begin_ns) / 1e9;
      record(item, std::move(result), now_ns);
    }
  }
}

bool CheckRunner::begin(Item& item, uint64_t now_ns) {
  auto run = std::make_shared<Run>();
  run->check = item.check;
  run->begin_ns = now_ns;
  run->timeout_ns = item.settings.timeout_ns;
  try {
    std::thread([shared = shared_, run] {
      ::pthread_setname_np(::pthread_self(), "check");
      CheckResult result =
          run->check->run(Deadline(run->begin_ns + run->timeout_ns, shared->cancel.get()));
      const uint64_t end_ns = base::monotonic_now_ns();
      result.seconds = static_cast<double>(end_ns - run->begin_ns) / 1e9;
      const std::lock_guard lock(shared->mutex);
      run->result = std::move(result);
      run->end_ns = end_ns;
      run->done = true;
      shared->changed.notify_all();
    }).detach();
  } catch (const std::system_error& error) {  // no thread can be had
    CheckResult unknown;
    unknown.error_type = "no_thread";
    unknown.text = std::string("the check cannot be run: ") + error.what();
    record(item, std::move(unknown), now_ns);
    return false;
  }
  item.run = std::move(run);
  return true;
}

void CheckRunner::record(Item& item, CheckResult result, uint64_t end_ns) {
  clean(result);
  std::string type = result.error_type;
  if (!item.durations.contains(type) && item.durations.size() >= kMostErrorTypes) type = "_OTHER";
  const auto [found, is_new] = item.durations.try_emplace(std::move(type));
  if (is_new) found->second.start_unix_ns = base::unix_now_ns();
  found->second.recorder.record(result.seconds);
  model::CheckStatus& status = item.status;
  ++status.runs;
  status.failures = result.outcome == CheckResult::Outcome::kFailed ? status.failures + 1 : 0;
  status.last_end_ns = end_ns;
  status.last = std::move(result);
}

uint64_t CheckRunner::next_event_ns(uint64_t now_ns) const {
  uint64_t next_ns = now_ns + kSecondNs;
  for (const Item& item : items_) {
    if (item.due_ns > now_ns) next_ns = std::min(next_ns, item.due_ns);
    if (item.run == nullptr || item.given_up) continue;
    const uint64_t late_ns = item.run->begin_ns + item.run->timeout_ns + kGraceNs;
    if (late_ns > now_ns) next_ns = std::min(next_ns, late_ns);
  }
  return next_ns;
}

std::vector<model::CheckStatus> CheckRunner::statuses() const {
  const std::lock_guard lock(shared_->mutex);
  std::vector<model::CheckStatus> out;
  for (const Item& item : items_) out.push_back(item.status);
  return out;
}

void CheckRunner::add_families(model::MetricSnapshot& snapshot) const {
  struct Series {
    std::shared_ptr<const model::Service> service;
    uint64_t start_unix_ns = 0;
  };
  const std::lock_guard lock(shared_->mutex);
  aggregators::FamilyList list(snapshot);
  list.add({"hostlens.check.duration", "Duration of configured checks.", "s",
            model::MetricKind::kHistogram},
           [&](model::MetricFamily& family) {
             for (const Item& item : items_) {
               for (const auto& [error_type, duration] : item.durations) {
                 model::Attributes attributes;
                 aggregators::put_text(attributes, "check", item.status.name);
                 aggregators::put_text(attributes, "error.type", error_type);
                 aggregators::put_text(attributes, "type", item.status.type);
                 list.add_point(family, Series{nullptr, duration.start_unix_ns},
                                std::move(attributes), duration.recorder.snapshot());
               }
             }
           });
}

}  // namespace hostlens::checks
