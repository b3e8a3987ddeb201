// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "aggregators/attribute_set.h"
#include "base/clock.h"
#include "model/service.h"
#include "processors/flat_map.h"

namespace hostlens::aggregators {

/// The series of one family, or of several that share their attribute sets: at most `limit`, then
/// one overflow series; expiry when idle. One thread.
///
/// A Key is what a series is found by without making a string: raw fields of an event, with views
/// of its texts. Several keys may lead to one series ("example.org" and "example.org:80");
/// attributes are made only when a key is new. Key needs ==, 64 bits of hash(), `service`, and
/// `owned(std::string&)`: itself with its texts in that string. Values needs busy(): true keeps the
/// series from expiring.
template <typename Values, typename Key>
class SeriesTable {
 public:
  struct Series {
    std::shared_ptr<const model::Service> service;  ///< nullptr: the overflow series
    model::Attributes attributes;
    uint64_t start_unix_ns = 0;
    uint64_t last_change_ns = 0;
    bool changed = true;  ///< since last_change_ns
    bool expired = false;
    Values values;
  };

  explicit SeriesTable(size_t limit) : limit_(limit) {}

  /// nullptr: not seen lately, `admit` it. Counts as a change of the series.
  [[nodiscard]] Series* find(const Key& key) {
    const std::unique_ptr<MemoEntry>* const found = memo_.find(slot_of(key));
    if (found == nullptr || !((*found)->key == key)) return nullptr;
    (*found)->used = true;
    return &touch(*(*found)->series);
  }

  /// Its series, a new one, or the overflow series.
  Series& admit(const Key& key, const std::shared_ptr<const model::Service>& service,
                model::Attributes attributes) {
    Series& series = series_of(service, std::move(attributes));
    if (memo_.size() >= 4 * limit_ + kSpareKeys) memo_.clear();
    auto entry = std::make_unique<MemoEntry>();
    entry->series = &series;
    entry->service = service;
    entry->key = key.owned(entry->texts);
    memo_[slot_of(key)] = std::move(entry);  // another key of the same hash has to come again
    return touch(series);
  }

  Series& touch(Series& series) {
    series.changed = true;
    if (&series == overflow_.get()) ++overflowed_;
    return series;
  }

  /// Once per snapshot. Afterwards no series is left that did not change for `idle_ns`, and no
  /// service is kept alive by keys that were not seen for twice as long.
  void expire(uint64_t now_ns, uint64_t idle_ns) {
    bool any = false;
    for (auto& [text, series] : series_) {
      if (std::exchange(series->changed, false)) series->last_change_ns = now_ns;
      if (series->values.busy() || now_ns - series->last_change_ns < idle_ns) continue;
      series->expired = any = true;
    }
    if (any) {
      memo_.erase_if([this](const std::unique_ptr<MemoEntry>& entry) {
        return entry->series->expired || entry->series == overflow_.get();
      });
      std::erase_if(series_, [](const auto& item) { return item.second->expired; });
    }
    if (now_ns - last_sweep_ns_ < idle_ns) return;
    last_sweep_ns_ = now_ns;
    memo_.erase_if(
        [](const std::unique_ptr<MemoEntry>& entry) { return !std::exchange(entry->used, false); });
  }

  /// Existing series stay.
  void set_limit(size_t limit) {
    limit_ = limit;
    memo_.erase_if([this](const std::unique_ptr<MemoEntry>& entry) {
      return entry->series == overflow_.get();
    });
  }

  /// In order of services and attributes, the overflow series last.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [text, series] : series_) visit(*series);
    if (overflow_ != nullptr) visit(*overflow_);
  }

  /// Without the overflow series.
  [[nodiscard]] size_t size() const { return series_.size(); }
  /// Measurements that went into the overflow series.
  [[nodiscard]] uint64_t overflowed() const { return overflowed_; }

 private:
  static constexpr size_t kSpareKeys = 64;

  struct MemoEntry {
    Key key;
    Series* series = nullptr;
    std::shared_ptr<const model::Service> service;  ///< so that the key's pointer is not reused
    std::string texts;
    bool used = true;
  };
  static uint64_t slot_of(const Key& key) { return key.hash() | 1U; }

  Series& series_of(const std::shared_ptr<const model::Service>& service,
                    model::Attributes attributes) {
    std::string text = identity(*service, attributes);
    if (const auto found = series_.find(text); found != series_.end()) {
      found->second->service = service;  // described anew after a reload: the same series
      return *found->second;
    }
    const bool room = series_.size() < limit_;
    if (!room && overflow_ != nullptr) return *overflow_;
    auto series = std::make_unique<Series>();
    series->start_unix_ns = base::unix_now_ns();
    if (!room) {
      series->attributes = overflow_attributes();
      overflow_ = std::move(series);
      return *overflow_;
    }
    series->service = service;
    series->attributes = std::move(attributes);
    return *series_.emplace(std::move(text), std::move(series)).first->second;
  }

  size_t limit_;
  std::map<std::string, std::unique_ptr<Series>> series_;
  std::unique_ptr<Series> overflow_;
  processors::FlatMap<std::unique_ptr<MemoEntry>> memo_;  ///< by hash
  uint64_t overflowed_ = 0;
  uint64_t last_sweep_ns_ = 0;
};

}  // namespace hostlens::aggregators
