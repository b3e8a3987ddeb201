// SPDX-License-Identifier: Apache-2.0
// The thread that waits for systemd's answers.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "discovery/process_table.h"
#include "discovery/target_selector.h"
#include "scrapers/unit_scraper.h"

namespace hostlens::agent {

/// A unit that is asked for, and whose it is.
struct UnitOwner {
  std::string unit;
  std::shared_ptr<const model::Service> service;
};

/// The units of this host's system manager in which targets live (null: all that the table knows),
/// and those services that failed in the last reading. Units of a user's manager or inside a
/// container are not known to ours. Shard thread; reads nothing.
[[nodiscard]] std::vector<UnitOwner> unit_owners(discovery::ProcessTable& processes,
                                                 const discovery::TargetSelector* targets,
                                                 const discovery::UnitReading* last);

/// Reads once for each begin(), on a thread of its own, since the bus may hang: then readings carry
/// the error, and the rest of the host is told as ever. Its end waits for a reading under way, 2 s.
class UnitWatch final : public scrapers::UnitSource {
 public:
  explicit UnitWatch(discovery::UnitReaderSettings settings);
  ~UnitWatch() override;
  UnitWatch(const UnitWatch&) = delete;
  UnitWatch& operator=(const UnitWatch&) = delete;

  /// Wants a reading now; none is added while one is under way. Any thread.
  void begin(std::vector<UnitOwner> owners);
  [[nodiscard]] std::shared_ptr<const discovery::UnitReading> reading(
      std::chrono::milliseconds longest) noexcept override;
  /// null before the first.
  [[nodiscard]] std::shared_ptr<const discovery::UnitReading> last() const;

 private:
  void run();
  [[nodiscard]] std::shared_ptr<const discovery::UnitReading> read(std::vector<UnitOwner> owners);

  discovery::UnitReader reader_;  ///< the thread's
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::vector<UnitOwner>> wanted_;
  bool reading_ = false;
  bool ends_ = false;
  std::shared_ptr<const discovery::UnitReading> last_;
  std::thread thread_;  ///< last: uses the others
};

}  // namespace hostlens::agent
