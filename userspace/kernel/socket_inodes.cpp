// SPDX-License-Identifier: Apache-2.0
#include "kernel/socket_inodes.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/memory_file.h"

namespace hostlens::kernel {
namespace {

constexpr size_t kMaxSockets = 65536;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// "socket:[123]". A file of that name has a path that begins with '/', so it cannot pretend.
bool read_inode(std::string_view link, uint64_t& inode) {
  constexpr std::string_view kPrefix = "socket:[";
  if (!link.starts_with(kPrefix) || !link.ends_with(']')) return false;
  const std::string_view digits = link.substr(kPrefix.size(), link.size() - kPrefix.size() - 1);
  return std::from_chars(digits.data(), digits.data() + digits.size(), inode).ec == std::errc{};
}

}  // namespace

base::Result<base::UniqueFd> list_socket_inodes(const std::string& descriptors) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(descriptors.c_str()));
  if (directory == nullptr) return base::errno_error("open " + descriptors);
  std::vector<uint64_t> inodes;
  while (const dirent* entry = ::readdir(directory.get())) {
    std::array<char, 64> link;
    const ssize_t size =
        ::readlinkat(::dirfd(directory.get()), entry->d_name, link.data(), link.size());
    uint64_t inode = 0;
    if (size > 0 && read_inode({link.data(), static_cast<size_t>(size)}, inode)) {
      inodes.push_back(inode);
    }
    if (inodes.size() >= kMaxSockets) break;
  }
  return memory_file("socket_inodes", std::as_bytes(std::span(inodes)));
}

}  // namespace hostlens::kernel
