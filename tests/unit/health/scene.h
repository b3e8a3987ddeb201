// SPDX-License-Identifier: Apache-2.0
// A host made of figures, second by second, in virtual time.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aggregators/attribute_set.h"
#include "aggregators/histogram_recorder.h"
#include "health/engine.h"

namespace hostlens::health {

class Scene {
 public:
  explicit Scene(HealthSettings settings = {}, HealthBounds bounds = {})
      : engine_(std::move(settings), bounds) {}

  using Service = std::shared_ptr<const model::Service>;
  static Service service(const std::string& name, const std::string& unit = {}) {
    auto made = std::make_shared<model::Service>();
    made->name = name;
    made->resource = {{"service.name", name}};
    if (!unit.empty()) made->resource.push_back({"hostlens.systemd.unit", unit});
    return made;
  }

  /// The number of a series, from now on; `scraped`: in the readings of the host.
  void set(bool scraped, const std::string& family, const Service& of, model::Attributes labels,
           double number) {
    series(scraped, family, of, std::move(labels)).point.value = number;
  }
  void grow(bool scraped, const std::string& family, const Service& of, model::Attributes labels,
            double by) {
    model::MetricPoint& point = series(scraped, family, of, std::move(labels)).point;
    const double* const before = std::get_if<double>(&point.value);
    point.value = (before != nullptr ? *before : 0.0) + by;
  }
  /// `count` observations of a histogram.
  void observe(const std::string& family, const Service& of, model::Attributes labels,
               double seconds, int count) {
    Series& is = series(false, family, of, std::move(labels));
    if (is.recorder == nullptr) is.recorder = std::make_unique<aggregators::HistogramRecorder>();
    for (int i = 0; i < count; ++i) is.recorder->record(seconds);
    is.point.value = is.recorder->snapshot();
  }
  void requests(const Service& of, int count, double seconds = 0.01,
                const std::string& error = {}) {
    model::Attributes labels = {{"http.request.method", std::string("GET")}};
    if (!error.empty()) labels.push_back({"error.type", error});
    observe("http.server.request.duration", of, labels, seconds, count);
  }
  void forget_series(const std::string& family) {
    std::erase_if(series_, [&](const auto& item) { return item.second->family == family; });
  }
  /// As after a restart of whoever counts.
  void reset(const std::string& family) {
    for (auto& [key, is] : series_) {
      if (is->family != family) continue;
      is->recorder.reset();
      is->point.start_unix_ns = unix_ns();
      is->point.value = 0.0;
    }
  }

  void alive(const Service& of, uint64_t start = 100, int count = 1, uint64_t open = 10,
             uint64_t limit = 1000) {
    for (int i = 0; i < count; ++i) {
      ServiceProcess process;
      process.service = of;
      process.key = {static_cast<uint32_t>(start + static_cast<uint64_t>(i)), start};
      process.threads = 4;
      process.open_files = open;
      process.open_files_limit = limit;
      processes_.push_back(process);
    }
  }
  void nobody() { processes_.clear(); }

  /// A second passes. The host is read at each multiple of the interval, unless it hangs.
  void second() {
    now_ns_ += 1'000'000'000;
    auto snapshot = std::make_shared<model::MetricSnapshot>();
    snapshot->monotonic_ns = now_ns_;
    snapshot->unix_ns = unix_ns();
    snapshot->families = families(false);
    if (!hangs_ && now_ns_ / 1'000'000'000 % interval_s_ == 0) {
      scraped_ = std::make_shared<const std::vector<model::MetricFamily>>(families(true));
      inputs_.processes = std::make_shared<const std::vector<ServiceProcess>>(processes_);
    }
    snapshot->scraped = scraped_;
    inputs_.interval_ns = interval_s_ * 1'000'000'000;
    report_ = engine_.evaluate(*snapshot, inputs_);
  }
  template <typename Each>
  void seconds(int count, Each each) {
    for (int i = 0; i < count; ++i) {
      each();
      second();
    }
  }
  void seconds(int count) {
    seconds(count, [] {});
  }

  /// nullptr: not listed.
  [[nodiscard]] const Signal* find(const std::string& name, const std::string& of = {}) const {
    for (const Signal& signal : report_->signals) {
      const std::string owner = signal.service != nullptr ? signal.service->name : "";
      if (signal.name == name && owner == of) return &signal;
    }
    return nullptr;
  }
  /// "ok", ..., or "absent".
  [[nodiscard]] std::string state(const std::string& name, const std::string& of = {}) const {
    const Signal* const signal = find(name, of);
    return signal != nullptr ? std::string(to_string(signal->state)) : "absent";
  }
  /// Seconds until the state is `wanted`, at most `most`; -1: it never was.
  template <typename Each>
  int until(const std::string& wanted, const std::string& name, const std::string& of, int most,
            Each each) {
    for (int i = 1; i <= most; ++i) {
      each();
      second();
      if (state(name, of) == wanted) return i;
    }
    return -1;
  }

  [[nodiscard]] const HealthReport& report() const { return *report_; }
  [[nodiscard]] uint64_t unix_ns() const { return wall_offset_ns_ + now_ns_; }
  HealthInputs& inputs() { return inputs_; }

  uint64_t wall_offset_ns_ = 1'700'000'000'000'000'000;
  uint64_t interval_s_ = 10;
  bool hangs_ = false;  ///< the host is not read

 private:
  struct Series {
    std::string family;
    bool scraped = false;
    model::MetricPoint point;
    std::unique_ptr<aggregators::HistogramRecorder> recorder;
  };

  Series& series(bool scraped, const std::string& family, const Service& of,
                 model::Attributes labels) {
    std::string key = family + "|" + (of != nullptr ? of->name : "");
    for (const model::Attribute& label : labels) {
      key += "|" + label.key;
      if (const auto* text = std::get_if<std::string>(&label.value)) key += "=" + *text;
    }
    auto& found = series_[key];
    if (found == nullptr) {
      found = std::make_unique<Series>();
      found->family = family;
      found->scraped = scraped;
      found->point.service = of;
      found->point.attributes = std::move(labels);
      found->point.start_unix_ns = unix_ns();
    }
    return *found;
  }
  [[nodiscard]] std::vector<model::MetricFamily> families(bool scraped) const {
    std::map<std::string, model::MetricFamily> out;
    for (const auto& [key, is] : series_) {
      if (is->scraped != scraped) continue;
      out[is->family].name = is->family;
      out[is->family].points.push_back(is->point);
    }
    std::vector<model::MetricFamily> list;
    for (auto& [name, family] : out) list.push_back(std::move(family));
    return list;
  }

  HealthEngine engine_;
  HealthInputs inputs_;
  uint64_t now_ns_ = 1'000'000'000'000;
  std::map<std::string, std::unique_ptr<Series>> series_;
  std::vector<ServiceProcess> processes_;
  std::shared_ptr<const std::vector<model::MetricFamily>> scraped_;
  std::shared_ptr<const HealthReport> report_;
};

}  // namespace hostlens::health
