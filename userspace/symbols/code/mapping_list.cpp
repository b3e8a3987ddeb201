// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/mapping_list.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

namespace hostlens::symbols {
namespace {

constexpr size_t kMostPath = 4096;  ///< PATH_MAX

/// Takes fields from the front of one line.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text) {}

  std::optional<uint64_t> number(int base, char end) {
    uint64_t value = 0;
    const auto [stop, error] =
        std::from_chars(text_.data(), text_.data() + text_.size(), value, base);
    if (error != std::errc{} || stop == text_.data() + text_.size() || *stop != end) {
      return std::nullopt;
    }
    text_.remove_prefix(static_cast<size_t>(stop - text_.data()) + 1);
    return value;
  }
  std::string_view word() {
    const size_t end = std::min(text_.find(' '), text_.size());
    const std::string_view word = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    return word;
  }
  /// What is left, without the blanks that align it.
  std::string_view rest() {
    text_.remove_prefix(std::min(text_.find_first_not_of(' '), text_.size()));
    return text_;
  }

 private:
  std::string_view text_;
};

std::optional<CodeMapping> parse_line(std::string_view text) {
  Line line(text);
  CodeMapping mapping;
  const auto start = line.number(16, '-');
  const auto limit = start ? line.number(16, ' ') : std::nullopt;
  if (!limit || *limit <= *start) return std::nullopt;
  const std::string_view permissions = line.word();
  if (permissions.size() < 3 || permissions[2] != 'x') return std::nullopt;
  const auto offset = line.number(16, ' ');
  const auto major = offset ? line.number(16, ':') : std::nullopt;
  const auto minor = major ? line.number(16, ' ') : std::nullopt;
  if (!minor) return std::nullopt;
  const std::string_view inode = line.word();
  const auto [stop, error] =
      std::from_chars(inode.data(), inode.data() + inode.size(), mapping.inode);
  if (error != std::errc{} || stop != inode.data() + inode.size()) return std::nullopt;
  const std::string_view path = line.rest();
  if (path == "[vsyscall]" || path.size() > kMostPath) return std::nullopt;
  mapping.start = *start;
  mapping.limit = *limit;
  mapping.offset = *offset;
  mapping.device = *major << 32 | (*minor & 0xffffffff);
  mapping.path = path;
  return mapping;
}

}  // namespace

std::vector<CodeMapping> parse_code_mappings(std::string_view maps, size_t most) {
  std::vector<CodeMapping> mappings;
  uint64_t end = 0;
  while (!maps.empty() && mappings.size() < most) {
    const size_t length = std::min(maps.find('\n'), maps.size());
    auto mapping = parse_line(maps.substr(0, length));
    maps.remove_prefix(std::min(length + 1, maps.size()));
    // The file is not read at one moment: what it says twice counts as it was first.
    if (!mapping || mapping->start < end) continue;
    end = mapping->limit;
    mappings.push_back(*std::move(mapping));
  }
  return mappings;
}

base::Result<std::string> read_maps(int fd, size_t most_bytes) {
  constexpr size_t kPiece = 64 << 10;
  std::string text;
  while (true) {
    const size_t had = text.size();
    text.resize(had + kPiece);
    const ssize_t got = ::read(fd, text.data() + had, kPiece);
    if (got < 0 && errno == EINTR) {
      text.resize(had);
      continue;
    }
    if (got < 0) return base::errno_error("read mappings");
    text.resize(had + static_cast<size_t>(got));
    if (got == 0) return text;
    if (text.size() > most_bytes) {
      return base::Error{base::Error::Kind::kBusy, 0, "read mappings: there are too many", {}};
    }
  }
}

}  // namespace hostlens::symbols
