// SPDX-License-Identifier: Apache-2.0
// Levels and rates of an answer about the host, found by name and attributes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "web/host_rows.h"

namespace hostlens::agent {

/// The answer must outlive it.
class HostNumbers {
 public:
  using Labels = std::map<std::string, std::string>;
  using Rows = std::vector<const web::HostRow*>;

  explicit HostNumbers(const web::HostRows& rows);

  [[nodiscard]] const Rows& rows(const std::string& name) const;
  /// The one that has exactly these attributes.
  [[nodiscard]] std::optional<double> get(const std::string& name, const Labels& labels = {}) const;
  /// Over all rows that have these attributes; nothing when there is none.
  [[nodiscard]] std::optional<double> sum(const std::string& name, const Labels& labels = {}) const;
  /// The `most` values of an attribute whose rows of `name` are the largest in sum; those in
  /// alphabetical order, so that lines do not change places all the time.
  [[nodiscard]] std::vector<std::string> largest(const std::string& name,
                                                 const std::string& attribute, size_t most) const;
  /// How many values it has.
  [[nodiscard]] size_t values(const std::string& name, const std::string& attribute) const {
    return largest(name, attribute, SIZE_MAX).size();
  }

 private:
  std::map<std::string, Rows> families_;
};

}  // namespace hostlens::agent
