// SPDX-License-Identifier: Apache-2.0
#include "scrapers/device_names.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "records/signal.h"
#include "scrapers/directory.h"
#include "scrapers/mount_table.h"

namespace hostlens::scrapers {
namespace {

/// 20,000 mounts of long names.
constexpr size_t kMaxFileBytes = 8U << 20;

std::string contents(const std::string& path) {
  std::string text;
  std::ifstream file(path, std::ios::binary);
  char piece[4096];
  while (text.size() < kMaxFileBytes && file.read(piece, sizeof(piece)).gcount() > 0) {
    text.append(piece, static_cast<size_t>(file.gcount()));
  }
  return text;
}

}  // namespace

std::string disk_name(const HostRoots& roots, uint32_t device) {
  const std::string number = std::to_string(device >> DEVICE_MINOR_BITS) + ":" +
                             std::to_string(device & ((1U << DEVICE_MINOR_BITS) - 1));
  std::string name = link_base_name(roots.sys + "/dev/block/" + number);
  std::replace(name.begin(), name.end(), '!', '/');  // cciss/c0d0: no slash in a file's name
  return name;
}

std::string mount_point(const HostRoots& roots, uint32_t device) {
  std::string text = contents(roots.proc + "/1/mountinfo");
  if (text.empty()) text = contents(roots.proc + "/self/mountinfo");
  size_t garbage = 0;
  std::vector<Mount> mounts = parse_mountinfo(text, garbage);
  std::erase_if(mounts, [&](const Mount& mount) {
    return (mount.major << DEVICE_MINOR_BITS | mount.minor) != device;
  });
  if (mounts.empty()) return {};
  const auto whole = std::find_if(mounts.begin(), mounts.end(),
                                  [](const Mount& mount) { return mount.root == "/"; });
  return whole != mounts.end() ? whole->point : mounts.front().point;
}

std::string interrupt_handler(const HostRoots& roots, uint32_t irq, uint16_t hash) {
  std::string names = contents(roots.sys + "/kernel/irq/" + std::to_string(irq) + "/actions");
  while (!names.empty() && names.back() == '\n') names.pop_back();
  if (hash == 0) return names;
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    if (interrupt_name__hash(name.c_str()) == hash) return name;
    begin = end + 1;
  }
  return names;
}

}  // namespace hostlens::scrapers
