// SPDX-License-Identifier: Apache-2.0
// Asks systemd for the state of units, over the system bus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/unit_state.h"

struct sd_bus;

namespace hostlens::discovery {

struct UnitReaderSettings {
  std::string address;  ///< D-Bus address ("unix:path=..."); "": the system bus of this host
  uint64_t patience_ns = 2'000'000'000;  ///< for one read, however many questions it takes
  size_t max_units = 256;
};

struct UnitReading {
  /// The wanted ones that are loaded, and every failed unit of the host; `service` is not filled.
  std::vector<model::UnitState> units;
  /// Why it is not complete: no bus, no answer in time (kBusy), refused, an answer that is none
  /// (kInvalid). What was told before stays.
  std::optional<base::Error> error;
  size_t over_limit = 0;  ///< units left out
};

/// Polls, and asks little: two lists that systemd filters itself, one property per wanted unit, and
/// the rest only of units that changed. To follow its signals instead would make systemd send every
/// change of every unit of the host to us. What is asked is open to everybody by systemd's bus
/// policy, so this runs in the worker. Blocks for `patience_ns` at most: has a thread of its own.
class UnitReader {
 public:
  explicit UnitReader(UnitReaderSettings settings);
  ~UnitReader();
  UnitReader(const UnitReader&) = delete;
  UnitReader& operator=(const UnitReader&) = delete;

  /// `wanted`: full names ("nginx.service").
  [[nodiscard]] UnitReading read(const std::vector<std::string>& wanted);

 private:
  struct CloseBus {
    void operator()(sd_bus* bus) const;
  };
  struct Known {
    model::UnitState state;
    int reads_left = 0;  ///< until everything is asked anew
    bool seen = false;   ///< in this read
  };
  using Answer = base::Result<void>;

  [[nodiscard]] Answer connect();
  [[nodiscard]] Answer list(const char* method, const std::vector<std::string>& words,
                            UnitReading& reading, bool with_patterns);
  [[nodiscard]] Answer describe(model::UnitState& unit, const std::string& path);
  [[nodiscard]] Answer ask_number(const std::string& path, const char* interface,
                                  const char* property, char type, void* value);
  [[nodiscard]] Answer ask_text(const std::string& path, const char* interface,
                                const char* property, std::string& value);
  /// Microseconds until the end of patience, for the next call; kBusy when there are none left.
  [[nodiscard]] Answer limit_next_call();

  UnitReaderSettings settings_;
  std::unique_ptr<sd_bus, CloseBus> bus_;
  std::unordered_map<std::string, Known> known_;
  std::vector<std::string> paths_;  ///< of the units of the reading under way
  uint64_t deadline_ns_ = 0;
};

}  // namespace hostlens::discovery
