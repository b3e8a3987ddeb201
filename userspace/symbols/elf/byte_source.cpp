// SPDX-License-Identifier: Apache-2.0
#include "symbols/elf/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace hostlens::symbols {

base::Result<std::shared_ptr<const ByteSource>> FileSource::open(base::UniqueFd fd) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return base::errno_error("fstat of an ELF file");
  if (!S_ISREG(status.st_mode)) return base::invalid_error("an ELF file: not a regular file");
  return std::shared_ptr<const ByteSource>(
      new FileSource(std::move(fd), static_cast<uint64_t>(status.st_size), status.st_mtim));
}

bool FileSource::is_changed() const {
  struct stat status {};
  return ::fstat(fd_.get(), &status) != 0 || static_cast<uint64_t>(status.st_size) != size_ ||
         status.st_mtim.tv_sec != modified_.tv_sec || status.st_mtim.tv_nsec != modified_.tv_nsec;
}

base::Result<base::UniqueFd> FileSource::duplicate() const {
  base::UniqueFd fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) return base::errno_error("duplicate a descriptor");
  return fd;
}

bool FileSource::read(uint64_t offset, std::span<std::byte> into) const {
  if (offset > size_ || into.size() > size_ - offset) return false;
  while (!into.empty()) {
    const ssize_t count = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    into = into.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return true;
}

bool MemorySource::read(uint64_t offset, std::span<std::byte> into) const {
  if (offset > bytes_.size() || into.size() > bytes_.size() - offset) return false;
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), into.size(), into.begin());
  return true;
}

}  // namespace hostlens::symbols
