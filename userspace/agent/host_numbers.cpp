// SPDX-License-Identifier: Apache-2.0
#include "agent/host_numbers.h"

#include <algorithm>

namespace hostlens::agent {

using web::HostRow;

HostNumbers::HostNumbers(const web::HostRows& rows) {
  for (const HostRow& row : rows.rows) {
    if (row.kind != HostRow::Kind::kDistribution) families_[row.name].push_back(&row);
  }
}

const HostNumbers::Rows& HostNumbers::rows(const std::string& name) const {
  static const Rows kNone;
  const auto found = families_.find(name);
  return found == families_.end() ? kNone : found->second;
}

std::optional<double> HostNumbers::get(const std::string& name, const Labels& labels) const {
  for (const HostRow* row : rows(name)) {
    if (row->attributes == labels) return row->value;
  }
  return std::nullopt;
}

std::optional<double> HostNumbers::sum(const std::string& name, const Labels& labels) const {
  std::optional<double> total;
  for (const HostRow* row : rows(name)) {
    const bool fits = std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
      const auto found = row->attributes.find(label.first);
      return found != row->attributes.end() && found->second == label.second;
    });
    if (fits) total = total.value_or(0) + row->value;
  }
  return total;
}

std::vector<std::string> HostNumbers::largest(const std::string& name, const std::string& attribute,
                                              size_t most) const {
  std::map<std::string, double> sums;
  for (const HostRow* row : rows(name)) {
    const auto found = row->attributes.find(attribute);
    if (found != row->attributes.end()) sums[found->second] += row->value;
  }
  std::vector<std::string> values;
  for (const auto& [value, total] : sums) values.push_back(value);
  if (values.size() <= most) return values;
  std::stable_sort(values.begin(), values.end(),
                   [&](const auto& left, const auto& right) { return sums[left] > sums[right]; });
  values.resize(most);
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace hostlens::agent
