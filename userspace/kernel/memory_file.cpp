// SPDX-License-Identifier: Apache-2.0
#include "kernel/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

namespace hostlens::kernel {
namespace {

constexpr size_t kMaxIoBytes = 4096;  ///< seven lines of a number each

}  // namespace

base::Result<base::UniqueFd> memory_file(const char* name, std::span<const std::byte> bytes) {
  base::UniqueFd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return base::errno_error("memfd_create");
  if (!bytes.empty() &&
      ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return base::errno_error(std::string("write ") + name);
  }
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return file;
}

base::Result<base::UniqueFd> copy_process_io(const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return base::errno_error("open " + path);
  std::array<std::byte, kMaxIoBytes> bytes;
  const ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
  if (size < 0) return base::errno_error("read " + path);
  return memory_file("process_io", std::span(bytes).first(static_cast<size_t>(size)));
}

}  // namespace hostlens::kernel
