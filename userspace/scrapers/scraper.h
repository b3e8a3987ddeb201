// SPDX-License-Identifier: Apache-2.0
// What every scraper is, and what it is given: where to read, where to put points, where to count
// what went wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "aggregators/family_list.h"
#include "base/result.h"
#include "model/attribute.h"
#include "model/service.h"

namespace hostlens::scrapers {

/// Why something could not be told: hostlens.scrape.errors{scraper,reason}.
enum class Reason : uint8_t {
  kUnreadable,  ///< refused, or a read failed
  kVanished,    ///< was there a moment ago
  kGarbage,     ///< not what the kernel writes
  kTooLarge,    ///< the file is longer than what is read of it
  kTooMany,     ///< more of its kind than the limit
  kStuck,       ///< no answer in time: a dead mount
  kHidden,      ///< something else lies over it in the agent's own mount namespace
};
inline constexpr size_t kReasons = 7;
[[nodiscard]] std::string_view to_string(Reason reason);
/// Of somebody who was asked: no answer in time is kStuck, one that is none is kGarbage.
[[nodiscard]] Reason reason_of(const base::Error& error);

using ReasonCounts = std::array<uint64_t, kReasons>;

/// Where this host's files are. Tests give the root of a fixture tree.
struct HostRoots {
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string files;  ///< before every mount point; "" for this host
};

/// One moment. Wall times are nanoseconds since the epoch, the other CLOCK_MONOTONIC.
struct ScrapeTime {
  uint64_t now_ns = 0;
  uint64_t unix_ns = 0;
  uint64_t boot_unix_ns = 0;  ///< where the kernel's own counters begin
};

/// Units of the kernel's files.
struct HostUnits {
  uint64_t page_bytes = 4096;
  uint64_t ticks_per_second = 100;
};

/// What add_point needs of a series.
struct Series {
  std::shared_ptr<const model::Service> service;
  uint64_t start_unix_ns = 0;
};

enum class Presence : uint8_t {
  kRequired,  ///< that it is missing is counted
  kOptional,  ///< of a driver or a configuration that this kernel may lack
};

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
/// Sorted as points want them.
[[nodiscard]] model::Attributes attributes(Labels labels);

/// One run of one scraper.
class Scrape {
 public:
  struct Parts {
    const HostRoots& roots;
    const HostUnits& units;
    const ScrapeTime& time;
    const std::shared_ptr<const model::Service>& host;  ///< resource of points of the whole host
    std::string& buffer;                                ///< reused by every read
  };
  Scrape(const Parts& parts, aggregators::FamilyList& list, ReasonCounts& errors)
      : parts_(parts), list_(list), errors_(errors) {}

  /// Everything that is most read of one file unless the caller knows better.
  static constexpr size_t kMaxBytes = 64 * 1024;

  /// The file's text, read once; nullopt, counted unless it is optional and not there. Valid until
  /// the next read.
  [[nodiscard]] std::optional<std::string_view> proc(std::string_view path,
                                                     Presence presence = Presence::kRequired,
                                                     size_t limit = kMaxBytes);
  [[nodiscard]] std::optional<std::string_view> sys(std::string_view path,
                                                    Presence presence = Presence::kRequired,
                                                    size_t limit = kMaxBytes);
  /// `directory` is an open directory, or AT_FDCWD.
  [[nodiscard]] std::optional<std::string_view> file(int directory, const char* path,
                                                     Presence presence, size_t limit = kMaxBytes);
  /// As sys() and only_number(): an optional file of one number.
  [[nodiscard]] std::optional<uint64_t> sys_number(std::string_view path);
  [[nodiscard]] std::optional<uint64_t> proc_number(std::string_view path, Presence presence);

  void error(Reason reason) { ++errors_[static_cast<size_t>(reason)]; }

  [[nodiscard]] const HostRoots& roots() const { return parts_.roots; }
  [[nodiscard]] const HostUnits& units() const { return parts_.units; }
  [[nodiscard]] const ScrapeTime& time() const { return parts_.time; }
  [[nodiscard]] aggregators::FamilyList& list() { return list_; }
  /// Of the whole host, since it was started.
  [[nodiscard]] Series host() const { return {parts_.host, parts_.time.boot_unix_ns}; }

  /// A family with one point of the whole host, none without a value.
  template <typename Value>
  void one(const aggregators::FamilyName& name, std::optional<Value> value) {
    if (!value) return;
    list_.add(name, [&](model::MetricFamily& family) { point(family, {}, *value); });
  }
  /// A point of the whole host.
  template <typename Value>
  void point(model::MetricFamily& family, model::Attributes labels, Value value) {
    if constexpr (std::is_floating_point_v<Value>) {
      list_.add_point(family, host(), std::move(labels), static_cast<double>(value));
    } else {
      list_.add_point(family, host(), std::move(labels), static_cast<int64_t>(value));
    }
  }

 private:
  Parts parts_;
  aggregators::FamilyList& list_;
  ReasonCounts& errors_;
};

/// One area of the host. Called once per interval, always on the same thread; may block on files,
/// so that thread is none that handles events. What cannot be told is left out and counted.
class Scraper {
 public:
  virtual ~Scraper() = default;
  /// Value of `scraper` in hostlens.scrape.errors.
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual void scrape(Scrape& run) noexcept = 0;
};

}  // namespace hostlens::scrapers
