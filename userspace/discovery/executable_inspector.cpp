// SPDX-License-Identifier: Apache-2.0
#include "discovery/executable_inspector.h"

#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "discovery/package_database.h"
#include "discovery/proc_files.h"
#include "discovery/runtime_inspection.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kMaxMapsBytes = 1U << 20U;
constexpr size_t kMaxReleaseBytes = 64 * 1024;
constexpr size_t kMaxFindings = 4096;

std::function<std::string()> reader(kernel::HostAccess& host, model::ProcessKey key,
                                    kernel::ProcessFile what, size_t limit) {
  return [&host, key, what, limit] {
    const auto opened = host.open_process_file(key, what);
    return opened ? read_bounded(opened->get(), limit) : std::string();
  };
}

}  // namespace

ExecutableInspector::ExecutableInspector(ExecutableInspectorSettings settings,
                                         kernel::HostAccess& host)
    : settings_(std::move(settings)), host_(host), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "executables");
}

ExecutableInspector::~ExecutableInspector() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

ExecutableAttributes ExecutableInspector::find(const FileKey& file) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(file);
  return found == known_.end() ? nullptr : found->second;
}

void ExecutableInspector::request(model::ProcessKey process, const FileKey& file,
                                  std::string path) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= settings_.max_queue) {
      ++over_limit_;
      return;
    }
    queue_.push_back({process, file, std::move(path)});
  }
  changed_.notify_all();
}

std::vector<ExecutableInspector::Finding> ExecutableInspector::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(findings_, {});
}

uint64_t ExecutableInspector::over_limit_total() const {
  const std::lock_guard lock(mutex_);
  return over_limit_;
}

void ExecutableInspector::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty() && !busy_; });
}

ExecutableInspector::Finding ExecutableInspector::inspect(const Request& request) {
  RuntimeIdentity runtime;
  const auto file = host_.open_process_file(request.process, kernel::ProcessFile::kExecutable);
  if (file) {
    runtime = inspect_runtime(
        file->get(), request.path,
        {reader(host_, request.process, kernel::ProcessFile::kMaps, kMaxMapsBytes),
         reader(host_, request.process, kernel::ProcessFile::kJavaRelease, kMaxReleaseBytes)});
  }
  // The process may have ended: that tells nothing of others with its executable.
  return {request.file, request.process, file && !runtime.of_this_process,
          std::make_shared<const model::Attributes>(runtime.attributes())};
}

void ExecutableInspector::publish(Finding finding) {
  const std::lock_guard lock(mutex_);
  if (finding.of_every_process) {
    if (known_.size() >= settings_.max_known) known_.clear();
    known_[finding.file] = finding.attributes;
  }
  if (!finding.attributes->empty() && findings_.size() < kMaxFindings) {
    findings_.push_back(std::move(finding));
  }
}

/// Executables of a container belong to another package database, which is out of our reach.
bool ExecutableInspector::is_of_this_host(const Request& request) const {
  struct stat status {};
  return ::stat((settings_.root + request.path).c_str(), &status) == 0 &&
         file_key_of(status) == request.file;
}

void ExecutableInspector::find_packages(const std::vector<Request>& requests) {
  std::vector<std::string> paths;
  for (const Request& request : requests) paths.push_back(request.path);
  const auto packages = discovery::find_packages(settings_.root, paths);
  for (const Request& request : requests) {
    const auto package = packages.find(request.path);
    if (package == packages.end()) continue;
    const ExecutableAttributes known = find(request.file);
    model::Attributes attributes = known != nullptr ? *known : model::Attributes{};
    attributes.push_back({"hostlens.package.name", package->second.name});
    if (!package->second.version.empty()) {
      attributes.push_back({"hostlens.package.version", package->second.version});
    }
    publish({request.file, request.process, known != nullptr,
             std::make_shared<const model::Attributes>(std::move(attributes))});
  }
}

void ExecutableInspector::run() {
  std::vector<Request> without_package;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (queue_.empty() && without_package.empty()) {
      busy_ = false;
      changed_.notify_all();
      changed_.wait(lock, [this] { return ends_ || !queue_.empty(); });
    }
    if (ends_) return;
    busy_ = true;
    if (queue_.empty()) {  // one look into the database for all that came together
      lock.unlock();
      find_packages(std::exchange(without_package, {}));
      lock.lock();
      continue;
    }
    const Request request = std::move(queue_.front());
    queue_.pop_front();
    if (const auto known = known_.find(request.file); known != known_.end()) {
      if (!known->second->empty() && findings_.size() < kMaxFindings) {
        findings_.push_back({request.file, request.process, true, known->second});
      }
      continue;
    }
    lock.unlock();
    publish(inspect(request));
    if (is_of_this_host(request)) without_package.push_back(request);
    lock.lock();
    changed_.wait_for(lock, std::chrono::nanoseconds(settings_.pause_ns), [this] { return ends_; });
  }
}

}  // namespace hostlens::discovery
