// SPDX-License-Identifier: Apache-2.0
// Scrapes a tree of files as if it were a host, and finds points in what came of it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "scrapers/host_metrics.h"

namespace hostlens::scrapers {

inline std::string fixture(const std::string& tree) {
  return std::string(FIXTURES) + "/host/" + tree;
}

inline std::shared_ptr<const model::Service> service_of(std::string name) {
  auto service = std::make_shared<model::Service>();
  service->name = std::move(name);
  return service;
}

/// A directory that goes with the object.
class TemporaryTree {
 public:
  TemporaryTree() {
    // Memory where there is some: tests write thousands of times.
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    std::string pattern =
        (memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path()) /
        "hostlens-host-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  explicit TemporaryTree(const std::string& copy_of) : TemporaryTree() {
    std::filesystem::copy(
        copy_of, path_,
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  }
  ~TemporaryTree() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryTree(const TemporaryTree&) = delete;
  TemporaryTree& operator=(const TemporaryTree&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path whole = path_ + "/" + file;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text;
  }
  void remove(const std::string& file) const { std::filesystem::remove_all(path_ + "/" + file); }
  [[nodiscard]] std::string read(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(path_ + "/" + file, std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::string path_;
};

/// "name{key=value,...}" of every point, after "service/" when it is of one, to its value.
using Points = std::map<std::string, double>;

inline std::string name_of(const model::MetricFamily& family, const model::MetricPoint& point) {
  std::string name = point.service == nullptr ? "" : point.service->name + "/";
  name += family.name + "{";
  for (size_t i = 0; i < point.attributes.size(); ++i) {
    const model::Attribute& attribute = point.attributes[i];
    name += (i == 0 ? "" : ",") + attribute.key + "=";
    if (const auto* text = std::get_if<std::string>(&attribute.value)) name += *text;
    if (const auto* number = std::get_if<int64_t>(&attribute.value)) {
      name += std::to_string(*number);
    }
    if (const auto* flag = std::get_if<bool>(&attribute.value)) name += *flag ? "true" : "false";
  }
  return name + "}";
}

/// Checks what holds for every snapshot besides.
inline Points points_of(const model::MetricSnapshot& snapshot) {
  Points points;
  std::map<std::string, int> names;
  for (const model::MetricFamily& family : snapshot.families) {
    EXPECT_EQ(++names[family.name], 1) << family.name << " twice";
    EXPECT_FALSE(family.description.empty()) << family.name;
    for (const model::MetricPoint& point : family.points) {
      const std::string name = name_of(family, point);
      const auto* whole = std::get_if<int64_t>(&point.value);
      const double value =
          whole != nullptr ? static_cast<double>(*whole) : std::get<double>(point.value);
      EXPECT_TRUE(points.emplace(name, value).second) << name << " twice";
      EXPECT_TRUE(std::is_sorted(point.attributes.begin(), point.attributes.end(),
                                 [](const auto& a, const auto& b) { return a.key < b.key; }))
          << name;
      EXPECT_LE(point.start_unix_ns, snapshot.unix_ns) << name;
      if (family.kind == model::MetricKind::kCounter) {
        EXPECT_GE(value, 0) << name;
      }
    }
  }
  return points;
}

/// One scraper over a tree, without the rest.
class ScraperRun {
 public:
  explicit ScraperRun(const std::string& tree) : roots_{tree + "/proc", tree + "/sys", tree} {
    time_.boot_unix_ns = 1'700'000'000'000'000'000;
    time_.now_ns = 12'345'000'000'000;
    time_.unix_ns = time_.boot_unix_ns + time_.now_ns;
  }

  Points operator()(Scraper& scraper) {
    time_.now_ns += 1'000'000'000;
    time_.unix_ns += 1'000'000'000;
    model::MetricSnapshot snapshot;
    snapshot.unix_ns = time_.unix_ns;
    aggregators::FamilyList list(snapshot);
    Scrape run({roots_, units_, time_, host_, buffer_}, list, errors_);
    scraper.scrape(run);
    return points_of(snapshot);
  }

  void pass(uint64_t seconds) {
    time_.now_ns += seconds * 1'000'000'000;
    time_.unix_ns += seconds * 1'000'000'000;
  }
  [[nodiscard]] uint64_t errors(Reason reason) const {
    return errors_[static_cast<size_t>(reason)];
  }
  [[nodiscard]] uint64_t errors() const {
    uint64_t sum = 0;
    for (const uint64_t count : errors_) sum += count;
    return sum;
  }

 private:
  HostRoots roots_;
  HostUnits units_;  ///< 4096 and 100, as in the fixtures
  ScrapeTime time_;
  std::shared_ptr<const model::Service> host_;
  std::string buffer_;
  ReasonCounts errors_{};
};

/// The value of a point, nullopt when there is none.
inline std::optional<double> value(const Points& points, const std::string& name) {
  const auto found = points.find(name);
  return found == points.end() ? std::nullopt : std::optional<double>(found->second);
}

}  // namespace hostlens::scrapers
