// SPDX-License-Identifier: Apache-2.0
// What checks of type unit ask the service manager.
#pragma once

#include <mutex>
#include <optional>
#include <string_view>

#include "checks/check.h"
#include "discovery/unit_reader.h"

namespace hostlens::agent {

/// Has a connection of its own: a check waits for its answer, and the reading of targets' units
/// does not wait for checks. One question at a time; any thread.
class UnitCheckSource final : public checks::UnitSource {
 public:
  explicit UnitCheckSource(discovery::UnitReaderSettings settings) : reader_(std::move(settings)) {}

  /// A unit that is not loaded is inactive and dead, as systemctl(1) tells it.
  [[nodiscard]] std::optional<model::UnitState> unit(std::string_view name) override;

 private:
  std::mutex mutex_;
  discovery::UnitReader reader_;
};

}  // namespace hostlens::agent
