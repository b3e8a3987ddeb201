// SPDX-License-Identifier: Apache-2.0
#include "scrapers/mount_table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

/// Not on a medium, not tmpfs either; images that are full by nature (squashfs, iso9660).
constexpr std::array<std::string_view, 34> kVirtualTypes = {
    "autofs",      "binfmt_misc",     "bpf",      "cgroup",  "cgroup2", "configfs",   "debugfs",
    "devpts",      "devtmpfs",        "efivarfs", "erofs",   "fusectl", "fuse.lxcfs", "hugetlbfs",
    "iso9660",     "fuse.gvfsd-fuse", "mqueue",   "nsfs",    "nfsd",    "overlay",    "proc",
    "fuse.portal", "procfs",          "pstore",   "ramfs",   "resctrl", "rpc_pipefs", "securityfs",
    "selinuxfs",   "squashfs",        "sysfs",    "tracefs", "usbfs",   "rootfs"};

/// The kernel's own, credentials of units, and layers of images: they come and go with containers.
constexpr std::array<std::string_view, 9> kOtherTrees = {"/dev",
                                                         "/proc",
                                                         "/sys",
                                                         "/run/credentials",
                                                         "/run/containerd",
                                                         "/run/docker",
                                                         "/var/lib/docker",
                                                         "/var/lib/containers/storage",
                                                         "/var/lib/kubelet/pods"};

bool is_below(std::string_view path, std::string_view tree) {
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

bool is_read_only(std::string_view options) {
  return options == "ro" || options.starts_with("ro,");
}

std::optional<Mount> parse_line(std::string_view line) {
  next_word(line);  // mount id
  next_word(line);  // parent's id
  const std::string_view device = next_word(line);
  const std::string_view root = next_word(line);
  const std::string_view point = next_word(line);
  const std::string_view options = next_word(line);
  while (true) {  // optional fields up to a dash
    const std::string_view word = next_word(line);
    if (word.empty()) return std::nullopt;
    if (word == "-") break;
  }
  const std::string_view type = next_word(line);
  const std::string_view source = next_word(line);
  const std::string_view super_options = next_word(line);
  const size_t colon = device.find(':');
  if (colon == std::string_view::npos || super_options.empty()) return std::nullopt;
  const auto major = to_number<uint32_t>(device.substr(0, colon));
  const auto minor = to_number<uint32_t>(device.substr(colon + 1));
  if (!major || !minor || !point.starts_with('/')) return std::nullopt;
  Mount mount;
  mount.major = *major;
  mount.minor = *minor;
  mount.root = without_escapes(root);
  mount.point = without_escapes(point);
  mount.type = type;
  mount.source = without_escapes(source);
  mount.options = super_options;
  mount.read_only = is_read_only(options) || is_read_only(super_options);
  return mount;
}

}  // namespace

std::string without_escapes(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain += static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) |
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<Mount> parse_mountinfo(std::string_view text, size_t& garbage) {
  std::vector<Mount> mounts;
  while (const auto line = next_line(text)) {
    if (mounts.size() == kMaxMounts) break;
    if (auto mount = parse_line(*line)) {
      mounts.push_back(std::move(*mount));
    } else {
      ++garbage;
    }
  }
  return mounts;
}

bool holds_files(const Mount& mount) {
  if (mount.point == "/" && mount.type == "overlay") return true;
  if (std::find(kVirtualTypes.begin(), kVirtualTypes.end(), mount.type) != kVirtualTypes.end()) {
    return false;
  }
  return std::none_of(kOtherTrees.begin(), kOtherTrees.end(),
                      [&](std::string_view tree) { return is_below(mount.point, tree); });
}

std::vector<Mount> distinct_file_systems(std::vector<Mount> mounts) {
  std::unordered_map<std::string_view, size_t> last_at;
  for (size_t i = 0; i < mounts.size(); ++i) last_at[mounts[i].point] = i;
  std::unordered_map<uint64_t, size_t> chosen;  // by device
  for (size_t i = 0; i < mounts.size(); ++i) {
    const Mount& mount = mounts[i];
    if (!holds_files(mount) || last_at[mount.point] != i) continue;
    const auto [place, added] = chosen.emplace((uint64_t{mount.major} << 32U) | mount.minor, i);
    if (!added && mounts[place->second].root != "/" && mount.root == "/") place->second = i;
  }
  std::vector<size_t> order;
  for (const auto& [device, index] : chosen) order.push_back(index);
  std::sort(order.begin(), order.end());
  std::vector<Mount> file_systems;
  for (const size_t index : order) file_systems.push_back(mounts[index]);
  return file_systems;
}

}  // namespace hostlens::scrapers
