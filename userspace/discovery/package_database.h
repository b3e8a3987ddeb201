// SPDX-License-Identifier: Apache-2.0
// Which package a file came with: dpkg's database (dpkg(1), files). Others are not read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hostlens::discovery {

struct Package {
  std::string name;     ///< without architecture
  std::string version;  ///< "" when it is not told
  bool operator==(const Package&) const = default;
};

/// By path; files of no package are absent. One pass over every list of files, some 20 ms for 1,500
/// packages however many paths are asked for. Where /bin is a link to /usr/bin a file may be listed
/// under either. `root` is "" for this host; without dpkg the answer is empty.
[[nodiscard]] std::map<std::string, Package> find_packages(const std::string& root,
                                                           const std::vector<std::string>& paths);

/// Versions of installed packages by the text of /var/lib/dpkg/status; "" for those not in it.
void read_package_versions(std::string_view status, std::map<std::string, Package>& packages);

}  // namespace hostlens::discovery
