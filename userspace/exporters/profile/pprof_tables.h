// SPDX-License-Identifier: Apache-2.0
// The tables of a stranger's pprof file: everything but the samples. Included by pprof_reader.cpp
// and pprof_tables.cpp only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/stack.h"
#include "perftools/profiles/profile.pb.h"

namespace hostlens::exporters::profile {

/// Fields of a Profile are visited one by one, never as one object: a few bytes of a hostile file
/// may stand for an object of a hundred. Texts are views of the bytes that were read.
class PprofTables {
 public:
  struct ValueType {
    std::string_view type;
    std::string_view unit;
  };

  [[nodiscard]] static base::Result<PprofTables> read(std::string_view bytes);

  /// Empty for an index that the file does not have.
  [[nodiscard]] std::string_view text(int64_t index) const;
  [[nodiscard]] const std::vector<ValueType>& sample_types() const { return sample_types_; }
  [[nodiscard]] const ValueType& period_type() const { return period_type_; }
  [[nodiscard]] uint64_t period() const { return period_; }
  [[nodiscard]] uint64_t time_ns() const { return time_ns_; }
  [[nodiscard]] uint64_t duration_ns() const { return duration_ns_; }
  /// Frames of a location, leaf first; null: there is no such location.
  [[nodiscard]] const std::vector<model::Frame>* location(uint64_t id) const;

 private:
  base::Result<void> read_texts(std::string_view bytes);
  base::Result<void> read_types(std::string_view bytes);
  base::Result<void> read_functions(std::string_view bytes);
  base::Result<void> read_locations(std::string_view bytes);
  base::Result<void> add_module(std::string_view message);
  base::Result<void> add_function(std::string_view message);
  base::Result<void> add_location(std::string_view message);
  /// Copies a text; false: the copies of all texts became too large.
  bool copy(int64_t index, std::string& out);

  std::vector<std::string_view> texts_;
  std::vector<ValueType> sample_types_;
  ValueType period_type_;
  uint64_t period_ = 0;
  uint64_t time_ns_ = 0;
  uint64_t duration_ns_ = 0;
  size_t copied_bytes_ = 0;
  size_t lines_ = 0;
  std::unordered_map<uint64_t, std::shared_ptr<const model::Module>> modules_;
  std::unordered_map<uint64_t, std::shared_ptr<const model::Function>> functions_;
  std::unordered_map<uint64_t, std::vector<model::Frame>> locations_;
};

/// Calls `visit` with each sample in turn; stops at the first error.
[[nodiscard]] base::Result<void> each_pprof_sample(
    std::string_view bytes,
    const std::function<base::Result<void>(const perftools::profiles::Sample&)>& visit);

}  // namespace hostlens::exporters::profile
