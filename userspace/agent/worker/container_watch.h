// SPDX-License-Identifier: Apache-2.0
// The thread that waits for container runtimes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/runtime_sockets.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "model/container.h"

namespace hostlens::agent {

/// Asks every runtime once for each begin(). Called by the loop's thread.
class ContainerWatch {
 public:
  struct Reading {
    /// Of all runtimes; when one does not answer, what is known of before stays too.
    std::shared_ptr<const model::Containers> containers;
    std::vector<base::Error> errors;  ///< a runtime that is not there is none
  };
  /// The answer of the runtime with this number: RemoteHostAccess::open_container_list().
  using Open = std::function<base::Result<base::UniqueFd>(uint8_t runtime)>;

  ContainerWatch(Open open, std::vector<RuntimeSocket> runtimes);
  ~ContainerWatch();
  ContainerWatch(const ContainerWatch&) = delete;
  ContainerWatch& operator=(const ContainerWatch&) = delete;

  [[nodiscard]] bool has_runtimes() const { return !runtimes_.empty(); }
  void begin();
  /// The reading that was completed since the last call; nullptr: none.
  [[nodiscard]] std::unique_ptr<Reading> take();

 private:
  /// Less than the relay's, whose end would look like nonsense.
  static constexpr uint64_t kPatienceNs = 4'000'000'000;

  void run();
  [[nodiscard]] base::Result<model::Containers> ask(size_t runtime);
  [[nodiscard]] std::unique_ptr<Reading> read();

  Open open_;
  std::vector<RuntimeSocket> runtimes_;
  std::shared_ptr<const model::Containers> last_;  ///< the thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool ends_ = false;
  std::unique_ptr<Reading> done_;
  std::thread thread_;  ///< last: uses the others
};

}  // namespace hostlens::agent
