// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/container_watch.h"

#include <pthread.h>

#include <utility>

#include "discovery/container_list.h"
#include "discovery/container_names.h"
#include "discovery/cri_conversation.h"

namespace hostlens::agent {

ContainerWatch::ContainerWatch(Open open, std::vector<RuntimeSocket> runtimes)
    : open_(std::move(open)), runtimes_(std::move(runtimes)), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "containers");
}

ContainerWatch::~ContainerWatch() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ContainerWatch::begin() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_all();
}

std::unique_ptr<ContainerWatch::Reading> ContainerWatch::take() {
  const std::lock_guard lock(mutex_);
  return std::move(done_);
}

base::Result<model::Containers> ContainerWatch::ask(size_t runtime) {
  auto stream = open_(static_cast<uint8_t>(runtime));
  if (!stream) return std::move(stream).error();
  return runtimes_[runtime].api == RuntimeApi::kCri
             ? discovery::read_cri_lists(*std::move(stream), kPatienceNs)
             : discovery::read_container_list(*std::move(stream), kPatienceNs);
}

std::unique_ptr<ContainerWatch::Reading> ContainerWatch::read() {
  auto reading = std::make_unique<Reading>();
  model::Containers all;
  for (size_t i = 0; i < runtimes_.size(); ++i) {
    auto list = ask(i);
    if (list) {
      all.merge(*list);
    } else if (list.error().kind != base::Error::Kind::kNotFound) {
      reading->errors.push_back(std::move(list).error());
    }
  }
  if (!reading->errors.empty() && last_ != nullptr && all.size() < discovery::kMaxContainers) {
    all.insert(last_->begin(), last_->end());
  }
  last_ = reading->containers = std::make_shared<const model::Containers>(std::move(all));
  return reading;
}

void ContainerWatch::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ends_ || wanted_; });
    if (ends_) return;
    wanted_ = false;
    lock.unlock();
    auto reading = read();
    lock.lock();
    done_ = std::move(reading);
  }
}

}  // namespace hostlens::agent
