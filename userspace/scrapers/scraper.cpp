// SPDX-License-Identifier: Apache-2.0
#include "scrapers/scraper.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

constexpr size_t kBlockBytes = 4096;

Reason reason_of(int error) {
  return error == ENOENT || error == ESRCH || error == ENODEV || error == ENXIO
             ? Reason::kVanished
             : Reason::kUnreadable;
}

}  // namespace

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::kUnreadable:
      return "unreadable";
    case Reason::kVanished:
      return "vanished";
    case Reason::kGarbage:
      return "garbage";
    case Reason::kTooLarge:
      return "too_large";
    case Reason::kTooMany:
      return "too_many";
    case Reason::kStuck:
      return "stuck";
    case Reason::kHidden:
      break;
  }
  return "hidden";
}

Reason reason_of(const base::Error& error) {
  switch (error.kind) {
    case base::Error::Kind::kBusy:
      return Reason::kStuck;
    case base::Error::Kind::kInvalid:
      return Reason::kGarbage;
    case base::Error::Kind::kNotFound:
    case base::Error::Kind::kDenied:
    case base::Error::Kind::kUnsupported:
    case base::Error::Kind::kIo:
      break;
  }
  return Reason::kUnreadable;
}

model::Attributes attributes(Labels labels) {
  model::Attributes sorted;
  sorted.reserve(labels.size());
  for (const auto& [key, value] : labels) aggregators::put(sorted, key, std::string(value));
  return sorted;
}

std::optional<std::string_view> Scrape::proc(std::string_view path, Presence presence,
                                             size_t limit) {
  const std::string whole = parts_.roots.proc + "/" + std::string(path);
  return file(AT_FDCWD, whole.c_str(), presence, limit);
}

std::optional<std::string_view> Scrape::sys(std::string_view path, Presence presence,
                                            size_t limit) {
  const std::string whole = parts_.roots.sys + "/" + std::string(path);
  return file(AT_FDCWD, whole.c_str(), presence, limit);
}

std::optional<std::string_view> Scrape::file(int directory, const char* path, Presence presence,
                                             size_t limit) {
  const base::UniqueFd fd(::openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) {
    if (presence == Presence::kRequired || reason_of(errno) != Reason::kVanished) {
      error(reason_of(errno));
    }
    return std::nullopt;
  }
  std::string& buffer = parts_.buffer;
  size_t size = 0;
  while (true) {
    if (size >= limit) {
      error(Reason::kTooLarge);
      break;
    }
    const size_t room = std::min(limit, std::max(size * 2, kBlockBytes));
    if (buffer.size() < room) buffer.resize(room);
    const ssize_t got = ::read(fd.get(), buffer.data() + size, room - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      // A sensor or cgroup that is there but cannot be read now (EAGAIN, EOPNOTSUPP, ENODATA).
      if (presence == Presence::kRequired || reason_of(errno) != Reason::kVanished) {
        error(reason_of(errno));
      }
      return std::nullopt;
    }
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  return std::string_view(buffer).substr(0, size);
}

std::optional<uint64_t> Scrape::sys_number(std::string_view path) {
  const auto text = sys(path, Presence::kOptional, kBlockBytes);
  return text ? only_number(*text) : std::nullopt;
}

std::optional<uint64_t> Scrape::proc_number(std::string_view path, Presence presence) {
  const auto text = proc(path, presence, kBlockBytes);
  if (!text) return std::nullopt;
  const auto number = only_number(*text);
  if (!number) error(Reason::kGarbage);
  return number;
}

}  // namespace hostlens::scrapers
