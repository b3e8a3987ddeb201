// SPDX-License-Identifier: Apache-2.0
// One configured check: what it asks, and the interface of those who ask it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "model/check_result.h"
#include "model/unit_state.h"

namespace hostlens::checks {

enum class CheckType : uint8_t {
  kTcp,
  kHttp,
  kGrpc,
  kDns,
  kTls,
  kUnit,
  kProcess,
  kFileAge,
  kDisk,
  kCommand,
};
inline constexpr std::array<std::string_view, 10> kTypeNames = {
    "tcp", "http", "grpc", "dns", "tls", "unit", "process", "file_age", "disk", "command"};
[[nodiscard]] constexpr std::string_view name_of(CheckType type) {
  return kTypeNames[static_cast<size_t>(type)];
}

/// As configured; the target was parsed once (target.h), so it is a sound one.
struct CheckSettings {
  std::string name;
  CheckType type = CheckType::kTcp;
  std::string target;
  std::vector<std::string> command;
  uint64_t interval_ns = 30'000'000'000;
  uint64_t timeout_ns = 5'000'000'000;
  uint64_t failures = 3;  ///< in a row, before the signal fails
  bool operator==(const CheckSettings&) const = default;
};

/// Asks the service manager. Any thread; nullopt: it cannot be asked.
class UnitSource {
 public:
  virtual ~UnitSource() = default;
  [[nodiscard]] virtual std::optional<model::UnitState> unit(std::string_view name) = 0;
};

/// What checks need of their surroundings.
struct CheckEnvironment {
  std::shared_ptr<UnitSource> units;  ///< nullptr: nobody knows them
  std::string proc = "/proc";
};

/// The end of a run, and a way to end it before.
class Deadline {
 public:
  /// `cancel` is readable when the run is not wanted any more; -1: never. Must outlive it.
  Deadline(uint64_t end_ns, int cancel) : end_ns_(end_ns), cancel_(cancel) {}
  [[nodiscard]] uint64_t left_ns() const;
  /// For poll(): at least 1 while time is left.
  [[nodiscard]] int left_ms() const;
  [[nodiscard]] int cancel_fd() const { return cancel_; }

 private:
  uint64_t end_ns_;  ///< CLOCK_MONOTONIC
  int cancel_;
};

/// Runs on a thread of its own, never twice at once. May block beyond the deadline where the system
/// knows no other way (a name server, a dead mount): the runner goes on without it.
class Check {
 public:
  virtual ~Check() = default;
  /// `seconds` of the result are the runner's to fill in.
  [[nodiscard]] virtual model::CheckResult run(const Deadline& deadline) noexcept = 0;
};

/// The table of types.
[[nodiscard]] std::unique_ptr<Check> make_check(const CheckSettings& settings,
                                                const CheckEnvironment& environment);

[[nodiscard]] model::CheckResult passed(std::string text);
[[nodiscard]] model::CheckResult failed(std::string error_type, std::string text);
/// Named as errno(3) does.
[[nodiscard]] model::CheckResult failed_with_errno(std::string_view what, int error);

}  // namespace hostlens::checks
