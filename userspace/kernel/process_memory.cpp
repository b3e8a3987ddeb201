// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace hostlens::kernel {
namespace {

constexpr uint64_t kPage = 4096;
constexpr size_t kMostPieces = ProcessMemory::kMostBytes / kPage + 2;

}  // namespace

base::Result<std::vector<std::byte>> LocalProcessMemory::read_memory(model::ProcessKey process,
                                                                     uint64_t address,
                                                                     uint32_t bytes) {
  if (bytes == 0 || bytes > kMostBytes || address > UINT64_MAX - bytes) {
    return base::invalid_error("no such memory");
  }
  if (!allowed_(process.pid)) {
    return base::errno_error("read the memory of process " + std::to_string(process.pid), EPERM);
  }
  // Page by page: what is not whole is not read.
  std::array<iovec, kMostPieces> pieces{};
  size_t count = 0;
  for (uint64_t at = address; at < address + bytes; ++count) {
    const uint64_t end = std::min(address + bytes, (at / kPage + 1) * kPage);
    pieces[count] = {reinterpret_cast<void*>(at), end - at};
    at = end;
  }
  std::vector<std::byte> memory(bytes);
  const iovec into{memory.data(), memory.size()};
  const ssize_t got = ::process_vm_readv(static_cast<pid_t>(process.pid), &into, 1, pieces.data(),
                                         static_cast<unsigned long>(count), 0);
  const int error = got == 0 || errno == EFAULT ? ENOENT : errno;
  if (got <= 0) {
    return base::errno_error("read the memory of process " + std::to_string(process.pid), error);
  }
  if (!is_same_(process)) {
    return base::errno_error("read the memory of process " + std::to_string(process.pid), ESRCH);
  }
  memory.resize(static_cast<size_t>(got));
  return memory;
}

}  // namespace hostlens::kernel
