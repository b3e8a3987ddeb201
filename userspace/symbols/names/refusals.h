// SPDX-License-Identifier: Apache-2.0
// Why files gave no names: hostlens.profile.symbols.refused{reason}.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace hostlens::symbols {

class Refusals {
 public:
  /// In the order of `names`.
  enum class Reason : uint8_t {
    kGone,         ///< could not be found: the process has ended, the file is elsewhere
    kDenied,       ///< not allowed; a perf map of the wrong owner
    kUnsupported,  ///< another machine or a format that we do not read
    kTooLarge,     ///< over a limit
    kBroken,       ///< not what it says it is
    kUnreadable,   ///< a system call failed
    kMismatch,     ///< a debug file of another build
    kNoSymbols,    ///< read, and has no function
  };
  static constexpr std::array<std::string_view, 8> kNames = {
      "gone",   "denied",     "unsupported", "too_large",
      "broken", "unreadable", "mismatch",    "no_symbols"};

  void count(Reason reason, uint64_t times = 1) { counts_[static_cast<size_t>(reason)] += times; }
  void count(const base::Error& error) {
    using Kind = base::Error::Kind;
    switch (error.kind) {
      case Kind::kNotFound:
        return count(Reason::kGone);
      case Kind::kDenied:
        return count(Reason::kDenied);
      case Kind::kUnsupported:
        return count(Reason::kUnsupported);
      case Kind::kBusy:
        return count(Reason::kTooLarge);
      case Kind::kInvalid:
        return count(Reason::kBroken);
      case Kind::kIo:
        return count(Reason::kUnreadable);
    }
  }
  [[nodiscard]] uint64_t of(Reason reason) const { return counts_[static_cast<size_t>(reason)]; }
  /// By index into kNames.
  [[nodiscard]] const std::array<uint64_t, kNames.size()>& counts() const { return counts_; }

 private:
  std::array<uint64_t, kNames.size()> counts_{};
};

}  // namespace hostlens::symbols
