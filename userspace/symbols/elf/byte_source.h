// SPDX-License-Identifier: Apache-2.0
// Where the bytes of an ELF image come from. Files are read, never mapped: one that is truncated
// while it is read gives a failed read instead of SIGBUS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::symbols {

/// Immutable from the outside; the bytes behind it may change at any time. Any thread.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Bytes when it was opened.
  [[nodiscard]] virtual uint64_t size() const = 0;
  /// Whether the file was written to since it was opened, as its time of modification tells.
  [[nodiscard]] virtual bool is_changed() const { return false; }
  /// Whether it takes a file to read and no memory to keep.
  [[nodiscard]] virtual bool is_file() const { return false; }
  /// Another descriptor of the file; kUnsupported: there is none behind it.
  [[nodiscard]] virtual base::Result<base::UniqueFd> duplicate() const {
    return base::Error{base::Error::Kind::kUnsupported, 0, "no file is behind this image", {}};
  }
  /// All of `into` from `offset`, or false: past the end, shrunk since, or unreadable.
  [[nodiscard]] virtual bool read(uint64_t offset, std::span<std::byte> into) const = 0;
};

/// A regular file, by a descriptor that it owns (usually the supervisor's).
class FileSource final : public ByteSource {
 public:
  static base::Result<std::shared_ptr<const ByteSource>> open(base::UniqueFd fd);

  [[nodiscard]] uint64_t size() const override { return size_; }
  [[nodiscard]] bool is_changed() const override;
  [[nodiscard]] bool is_file() const override { return true; }
  [[nodiscard]] base::Result<base::UniqueFd> duplicate() const override;
  [[nodiscard]] bool read(uint64_t offset, std::span<std::byte> into) const override;

 private:
  FileSource(base::UniqueFd fd, uint64_t size, timespec modified)
      : fd_(std::move(fd)), size_(size), modified_(modified) {}

  base::UniqueFd fd_;
  uint64_t size_;
  timespec modified_;
};

/// An image in memory: the vDSO as it was read from a process, a decompressed .gnu_debugdata.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  [[nodiscard]] uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] bool read(uint64_t offset, std::span<std::byte> into) const override;

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace hostlens::symbols
