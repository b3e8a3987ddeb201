// SPDX-License-Identifier: Apache-2.0
// Turns a path into a route of low cardinality: "/users/17/orders" -> "/users/{id}/orders".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace hostlens::processors {

struct RouteSettings {
  /// Routes known to the operator, tried first and in this order: segments are literal, "{name}"
  /// (one segment) or, at the end, "*" (the rest, also nothing).
  std::vector<std::string> patterns;
  size_t routes_per_service = 200;
  size_t services = 4096;  ///< more than that share one set
};

/// What one segment looks like: "{id}" number, "{uuid}", "{hash}" hexadecimal, "{date}", "{email}",
/// "{token}" base64 or other mixed text of 16 bytes and more; "" when it is a word. Allocates
/// nothing.
[[nodiscard]] std::string_view segment_placeholder(std::string_view segment);

/// Shard thread only. Bounded: `routes_per_service` routes for each service, and no route is
/// remembered longer than kRouteBytes.
class RouteTemplater {
 public:
  static constexpr size_t kRouteBytes = 256;

  /// kInvalid when a pattern does not start with "/" or has "*" elsewhere than at its end.
  [[nodiscard]] static base::Result<RouteTemplater> create(RouteSettings settings);

  /// Route of a path that a server of `service` (any stable key) answered. Only paths that exist
  /// add routes (`learn` false: answered 404 and the like), so that a scanner fills no table. ""
  /// when the limit is reached or nothing may be learned. The view lives as long as this object.
  [[nodiscard]] std::string_view route(uint64_t service, std::string_view path, bool learn);

  /// Only by the operator's patterns; "" when none fits. For clients.
  [[nodiscard]] std::string_view configured_route(std::string_view path) const;

  /// How often a route was left out because a service's limit was reached.
  [[nodiscard]] uint64_t overflowed() const { return overflowed_; }

 private:
  struct Pattern {
    std::string text;
    std::vector<std::string> segments;  ///< "" stands for any segment
    bool open_end = false;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return base::mix(0, text); }
  };
  using Routes = std::unordered_set<std::string, TextHash, std::equal_to<>>;

  explicit RouteTemplater(RouteSettings settings) : settings_(std::move(settings)) {}
  [[nodiscard]] static bool matches(const Pattern& pattern, std::string_view path);
  /// The path with placeholders: itself, or in scratch_; "" when that is too long.
  [[nodiscard]] std::string_view templated(std::string_view path);
  Routes& routes_of(uint64_t service);

  RouteSettings settings_;
  std::vector<Pattern> patterns_;
  std::unordered_map<uint64_t, Routes> services_;
  uint64_t last_service_ = 0;  ///< the service asked for last, and its routes
  Routes* last_routes_ = nullptr;
  std::array<char, kRouteBytes> scratch_{};
  uint64_t overflowed_ = 0;
};

}  // namespace hostlens::processors
