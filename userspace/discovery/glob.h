// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace hostlens::discovery {

/// Shell pattern over a whole text: `*` any bytes (also '/'), `?` one byte, `[a-z]`, `[!a-z]`, `\`
/// takes the next one literally. Matching is linear in the text (RE2), as the text is a stranger's.
/// Immutable, copyable, usable from any thread.
class Glob {
 public:
  static constexpr size_t kMaxPatternBytes = 1024;

  /// kInvalid for an empty, too long or broken pattern.
  static base::Result<Glob> compile(std::string_view pattern);
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  Glob() = default;
  std::string literal_;                         ///< when the pattern holds no wildcard
  std::shared_ptr<const re2::RE2> expression_;  ///< else
};

}  // namespace hostlens::discovery
