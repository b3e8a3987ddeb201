// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/unit_check_source.h"

#include <algorithm>
#include <string>

namespace hostlens::agent {

std::optional<model::UnitState> UnitCheckSource::unit(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const discovery::UnitReading reading = reader_.read({std::string(name)});
  const auto found = std::find_if(reading.units.begin(), reading.units.end(),
                                  [&](const model::UnitState& unit) { return unit.name == name; });
  if (found != reading.units.end()) return *found;
  if (reading.error) return std::nullopt;
  model::UnitState absent;
  absent.name = name;
  absent.active_state = "inactive";
  absent.sub_state = "dead";
  return absent;
}

}  // namespace hostlens::agent
