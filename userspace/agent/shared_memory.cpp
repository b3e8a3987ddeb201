// SPDX-License-Identifier: Apache-2.0
#include "agent/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <new>

namespace hostlens::agent {
namespace {

using base::errno_error;
using base::invalid_error;
using base::Result;
using base::UniqueFd;

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Result<UniqueFd> create_memory(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return errno_error("memfd_create");
  return fd;
}

Result<size_t> sealed_size(int fd, int wanted_seals) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  struct stat status {};
  if (seals < 0 || ::fstat(fd, &status) != 0) return errno_error("shared memory");
  if ((seals & wanted_seals) != wanted_seals) return invalid_error("shared memory is not sealed");
  return static_cast<size_t>(status.st_size);
}

}  // namespace

Result<void*> LedgerMemory::map(int fd) {
  void* memory =
      ::mmap(nullptr, sizeof(base::LedgerPage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return errno_error("map the ledger");
  return memory;
}

Result<std::unique_ptr<LedgerMemory>> LedgerMemory::create() {
  auto fd = create_memory("hostlens-ledger");
  if (!fd) return std::move(fd).error();
  if (::ftruncate(fd->get(), sizeof(base::LedgerPage)) != 0) return errno_error("size the ledger");
  if (::fcntl(fd->get(), F_ADD_SEALS, kSizeSeals) != 0) return errno_error("seal the ledger");
  auto memory = map(fd->get());
  if (!memory) return std::move(memory).error();
  auto* page = new (*memory) base::LedgerPage;
  return std::unique_ptr<LedgerMemory>(new LedgerMemory(*std::move(fd), page));
}

Result<std::unique_ptr<LedgerMemory>> LedgerMemory::open(UniqueFd fd) {
  const auto size = sealed_size(fd.get(), F_SEAL_SHRINK | F_SEAL_GROW);
  if (!size) return base::Error(size.error());
  if (*size != sizeof(base::LedgerPage)) return invalid_error("the ledger has another size");
  auto memory = map(fd.get());
  if (!memory) return std::move(memory).error();
  // The page was constructed by the supervisor; its atomics are lock-free and address-free.
  auto* page = std::launder(static_cast<base::LedgerPage*>(*memory));
  std::unique_ptr<LedgerMemory> opened(new LedgerMemory(std::move(fd), page));
  if (page->version.load() != base::LedgerPage::kVersion) {
    return invalid_error("the ledger has another version");
  }
  return opened;
}

LedgerMemory::~LedgerMemory() { ::munmap(page_, sizeof(base::LedgerPage)); }

Result<UniqueFd> share_text(std::string_view text) {
  if (text.size() > kSharedTextBytes) return invalid_error("the text is too long to share");
  auto fd = create_memory("hostlens-text");
  if (!fd) return fd;
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(fd->get(), text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return errno_error("write shared memory");
    written += static_cast<size_t>(count);
  }
  if (::fcntl(fd->get(), F_ADD_SEALS, kSizeSeals | F_SEAL_WRITE) != 0) {
    return errno_error("seal shared memory");
  }
  return fd;
}

Result<std::string> read_shared_text(const UniqueFd& fd) {
  const auto size = sealed_size(fd.get(), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  if (!size) return base::Error(size.error());
  if (*size > kSharedTextBytes) return invalid_error("the shared text is too long");
  std::string text(*size, '\0');
  size_t read = 0;
  while (read < text.size()) {
    const ssize_t count =
        ::pread(fd.get(), text.data() + read, text.size() - read, static_cast<off_t>(read));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return errno_error("read shared memory");
    read += static_cast<size_t>(count);
  }
  return text;
}

}  // namespace hostlens::agent
