// SPDX-License-Identifier: Apache-2.0
// What is worth knowing of an executable and too slow for the thread that handles records: its
// language runtime and its package.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "discovery/process_reader.h"
#include "kernel/host_access.h"
#include "model/attribute.h"

namespace hostlens::discovery {

struct ExecutableInspectorSettings {
  std::string root;        ///< before the package database and executables; "" for this host
  size_t max_queue = 256;  ///< more are not inspected
  size_t max_known = 512;  ///< executables remembered
  uint64_t pause_ns = 50'000'000;  ///< between two inspections: 20 a second at most
};

/// Attributes of processes: process.runtime.*, hostlens.package.*.
using ExecutableAttributes = std::shared_ptr<const model::Attributes>;

/// One thread reads the files, by HostAccess; the other functions are for the shard's thread and
/// take no longer than a lock. `host` must outlive it and take calls from any thread.
class ExecutableInspector {
 public:
  struct Finding {
    FileKey file;
    model::ProcessKey process;
    bool of_every_process = true;  ///< false: of this one alone
    ExecutableAttributes attributes;
  };

  ExecutableInspector(ExecutableInspectorSettings settings, kernel::HostAccess& host);
  ~ExecutableInspector();
  ExecutableInspector(const ExecutableInspector&) = delete;
  ExecutableInspector& operator=(const ExecutableInspector&) = delete;

  /// null: not known yet; ask for it with request().
  [[nodiscard]] ExecutableAttributes find(const FileKey& file) const;
  /// `path` is how the process sees its executable.
  void request(model::ProcessKey process, const FileKey& file, std::string path);
  /// What was found since the last call. An executable may come twice: its package is known later.
  [[nodiscard]] std::vector<Finding> take();
  /// Requests that found no room.
  [[nodiscard]] uint64_t over_limit_total() const;
  /// For tests: until nothing is under way.
  void wait();

 private:
  struct Request {
    model::ProcessKey process;
    FileKey file;
    std::string path;
  };

  void run();
  [[nodiscard]] Finding inspect(const Request& request);
  void publish(Finding finding);
  void find_packages(const std::vector<Request>& requests);
  [[nodiscard]] bool is_of_this_host(const Request& request) const;

  ExecutableInspectorSettings settings_;
  kernel::HostAccess& host_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> queue_;
  std::map<FileKey, ExecutableAttributes> known_;
  std::vector<Finding> findings_;
  uint64_t over_limit_ = 0;
  bool busy_ = false;
  bool ends_ = false;
  std::thread thread_;  ///< last: uses the others
};

}  // namespace hostlens::discovery
