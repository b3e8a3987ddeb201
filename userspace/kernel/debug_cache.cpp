// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <compare>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace hostlens::kernel {
namespace {

constexpr std::string_view kEnding = ".debug";
constexpr size_t kLeastDigits = 4;
constexpr size_t kMostDigits = 40;
constexpr uint64_t kBlockBytes = 512;  // of st_blocks, stat(2)

struct CachedFile {
  timespec used{};
  uint64_t bytes = 0;
  std::string name;
};

bool before(const CachedFile& a, const CachedFile& b) {
  return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
}

bool is_cached_name(std::string_view name) {
  return name.ends_with(kEnding) && is_build_id(name.substr(0, name.size() - kEnding.size()));
}

std::string name_of(std::string_view build_id) { return std::string(build_id).append(kEnding); }

base::Result<std::vector<CachedFile>> cached_files(int folder) {
  // Its own descriptor: a position in the folder belongs to the open file.
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd < 0 ? nullptr : ::fdopendir(fd), ::closedir);
  if (entries == nullptr) {
    base::Error error = base::errno_error("read the cache of debug files");
    if (fd >= 0) ::close(fd);
    return error;
  }
  std::vector<CachedFile> files;
  while (const dirent* entry = ::readdir(entries.get())) {
    struct stat status {};
    if (!is_cached_name(entry->d_name) ||
        ::fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    files.push_back(
        {status.st_atim, static_cast<uint64_t>(status.st_blocks) * kBlockBytes, entry->d_name});
  }
  return files;
}

}  // namespace

bool is_build_id(std::string_view text) {
  return text.size() >= kLeastDigits && text.size() <= kMostDigits && text.size() % 2 == 0 &&
         text.find_first_not_of("0123456789abcdef") == text.npos;
}

base::Result<std::unique_ptr<LocalDebugCache>> LocalDebugCache::open(const std::string& path,
                                                                     uint64_t max_bytes) {
  std::error_code failure;
  const std::filesystem::path place(path);
  std::filesystem::create_directories(place.parent_path(), failure);
  if (!failure && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    failure.assign(errno, std::generic_category());
  }
  if (failure) return base::errno_error("make " + path, failure.value());
  base::UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!folder || ::fstat(folder.get(), &status) != 0) return base::errno_error("open " + path);
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return base::Error{base::Error::Kind::kDenied, 0, path + ": others may write to it", {}};
  }
  return std::unique_ptr<LocalDebugCache>(new LocalDebugCache(std::move(folder), max_bytes));
}

base::Result<base::UniqueFd> LocalDebugCache::open_cached(std::string_view build_id) {
  if (!is_build_id(build_id)) return base::invalid_error("this is no build id");
  base::UniqueFd file(::openat(folder_.get(), name_of(build_id).c_str(),
                               O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return base::errno_error("open a debug file");
  if (!S_ISREG(status.st_mode)) return base::errno_error("open a debug file", ENOENT);
  // Whatever the file system does by itself (noatime). The other time says whether it was written
  // to: who reads it asks for that.
  const timespec times[] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  (void)::futimens(file.get(), times);
  return file;
}

base::Result<base::UniqueFd> LocalDebugCache::new_file() {
  new_file_.reset(::openat(folder_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!new_file_) return base::errno_error("make a debug file");
  base::UniqueFd file(::fcntl(new_file_.get(), F_DUPFD_CLOEXEC, 0));
  if (!file) return base::errno_error("duplicate a debug file");
  return file;
}

base::Result<void> LocalDebugCache::make_room(uint64_t bytes) const {
  if (bytes > max_bytes_) {
    return base::Error{base::Error::Kind::kBusy, 0, "the file is larger than its cache", {}};
  }
  auto files = cached_files(folder_.get());
  if (!files) return std::move(files).error();
  std::sort(files->begin(), files->end(), before);
  uint64_t held = 0;
  for (const CachedFile& file : *files) held += file.bytes;
  for (const CachedFile& file : *files) {
    if (held <= max_bytes_ - bytes) break;
    if (::unlinkat(folder_.get(), file.name.c_str(), 0) != 0 && errno != ENOENT) {
      return base::errno_error("remove a debug file");
    }
    held -= file.bytes;
  }
  return {};
}

base::Result<void> LocalDebugCache::keep(std::string_view build_id) {
  if (!is_build_id(build_id)) return base::invalid_error("this is no build id");
  const base::UniqueFd file = std::move(new_file_);
  struct stat status {};
  if (!file) return base::errno_error("keep a debug file", ENOENT);
  if (::fstat(file.get(), &status) != 0) return base::errno_error("keep a debug file");
  const std::string name = name_of(build_id);
  // One of that name was no good to who asks, or another process was faster.
  (void)::unlinkat(folder_.get(), name.c_str(), 0);
  if (auto room = make_room(static_cast<uint64_t>(status.st_blocks) * kBlockBytes); !room) {
    return room;
  }
  // By /proc, as to link a descriptor itself takes a capability: open(2), O_TMPFILE.
  const std::string nameless = "/proc/self/fd/" + std::to_string(file.get());
  if (::linkat(AT_FDCWD, nameless.c_str(), folder_.get(), name.c_str(), AT_SYMLINK_FOLLOW) != 0 &&
      errno != EEXIST) {
    return base::errno_error("keep a debug file");
  }
  return {};
}

}  // namespace hostlens::kernel
