// SPDX-License-Identifier: Apache-2.0
#include "discovery/package_database.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "base/unique_fd.h"
#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kMaxListBytes = 8U << 20U;
constexpr size_t kMaxStatusBytes = 64U << 20U;
constexpr size_t kMaxPackages = 20'000;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::string read_file(int directory, const char* name, size_t limit) {
  const base::UniqueFd file(::openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return file ? read_bounded(file.get(), limit) : std::string();
}

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

/// The paths that a list may have for a file, each to the path that was asked for.
std::unordered_map<std::string_view, std::string_view> spellings(
    const std::vector<std::string>& paths) {
  std::unordered_map<std::string_view, std::string_view> known;
  for (const std::string_view path : paths) {
    known.emplace(path, path);
    if (path.starts_with("/usr/")) known.emplace(path.substr(4), path);
  }
  return known;
}

}  // namespace

void read_package_versions(std::string_view status, std::map<std::string, Package>& packages) {
  std::unordered_multimap<std::string_view, Package*> wanted;
  for (auto& [path, package] : packages) wanted.emplace(package.name, &package);
  auto current = wanted.equal_range({});
  while (!status.empty()) {
    const std::string_view line = next_line(status);
    if (line.starts_with("Package: ")) {
      current = wanted.equal_range(line.substr(9));
    } else if (line.starts_with("Version: ")) {
      for (auto package = current.first; package != current.second; ++package) {
        package->second->version = clean_text(line.substr(9), 128);
      }
    } else if (line.empty()) {
      current = {wanted.end(), wanted.end()};
    }
  }
}

std::map<std::string, Package> find_packages(const std::string& root,
                                             const std::vector<std::string>& paths) {
  std::map<std::string, Package> found;
  const std::string folder = root + "/var/lib/dpkg";
  const std::unique_ptr<DIR, CloseDirectory> lists(::opendir((folder + "/info").c_str()));
  if (lists == nullptr || paths.empty()) return found;
  const auto known = spellings(paths);
  size_t packages = 0;
  while (const dirent* entry = ::readdir(lists.get())) {
    std::string_view name = entry->d_name;
    if (!name.ends_with(".list") || ++packages > kMaxPackages) continue;
    name = name.substr(0, name.size() - 5);
    name = name.substr(0, name.find(':'));  // "libc6:amd64"
    const std::string text = read_file(::dirfd(lists.get()), entry->d_name, kMaxListBytes);
    for (std::string_view rest = text; !rest.empty();) {
      const auto path = known.find(next_line(rest));
      if (path != known.end()) found[std::string(path->second)].name = clean_text(name, 128);
    }
  }
  if (!found.empty()) {
    read_package_versions(read_file(AT_FDCWD, (folder + "/status").c_str(), kMaxStatusBytes),
                          found);
  }
  return found;
}

}  // namespace hostlens::discovery
