// SPDX-License-Identifier: Apache-2.0
#include "discovery/user_names.h"

#include <pwd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kMaxNames = 1024;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

const std::string& UserNames::name_of(uint32_t uid) {
  if (const auto known = names_.find(uid); known != names_.end()) return known->second;
  if (names_.size() >= kMaxNames) names_.clear();
  std::string& name = names_[uid];
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(file_.c_str(), "re"));
  if (file == nullptr) return name;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> storage;
  while (::fgetpwent_r(file.get(), &entry, storage.data(), storage.size(), &found) == 0) {
    if (entry.pw_uid != uid) continue;
    name = clean_text(entry.pw_name, 64);
    break;
  }
  return name;
}

}  // namespace hostlens::discovery
