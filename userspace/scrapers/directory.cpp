// SPDX-License-Identifier: Apache-2.0
#include "scrapers/directory.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <memory>

namespace hostlens::scrapers {

bool for_each_entry(const std::string& path, size_t limit,
                    const std::function<void(std::string_view)>& visit) {
  const auto close = [](DIR* directory) { ::closedir(directory); };
  const std::unique_ptr<DIR, decltype(close)> directory(::opendir(path.c_str()), close);
  if (directory == nullptr) return false;
  for (size_t count = 0; count < limit;) {
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    visit(name);
    ++count;
  }
  return true;
}

std::string link_base_name(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return {};
  const std::string_view text(target.data(), static_cast<size_t>(size));
  return std::string(text.substr(text.rfind('/') + 1));
}

}  // namespace hostlens::scrapers
