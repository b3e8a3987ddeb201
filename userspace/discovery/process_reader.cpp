// SPDX-License-Identifier: Apache-2.0
#include "discovery/process_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <climits>
#include <cstring>
#include <memory>

#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

FileKey file_key_of(const struct stat& status) {
  return {status.st_dev, status.st_ino,
          int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::string ProcessFacts::command_line() const {
  std::string line;
  for (const std::string& argument : arguments) {
    if (!line.empty()) line += ' ';
    line += argument;
  }
  return line;
}

std::string ProcessReader::path_of(uint32_t pid, const char* file) const {
  return proc_root_ + "/" + std::to_string(pid) + "/" + file;
}

std::string ProcessReader::read_file(model::ProcessKey key, const char* file,
                                     kernel::ProcessFile what, size_t limit) {
  const base::UniqueFd own(::open(path_of(key.pid, file).c_str(), O_RDONLY | O_CLOEXEC));
  if (own) return read_bounded(own.get(), limit);
  const auto opened = host_.open_process_file(key, what);
  return opened ? read_bounded(opened->get(), limit) : std::string();
}

void ProcessReader::read_executable(ProcessFacts& facts) {
  const auto opened = host_.open_process_file(facts.key, kernel::ProcessFile::kExecutable);
  if (!opened) return;
  struct stat status {};
  if (::fstat(opened->get(), &status) == 0) facts.executable_file = file_key_of(status);
  // The kernel tells the path of an open descriptor; no permission on the file itself is needed.
  const std::string link = "/proc/self/fd/" + std::to_string(opened->get());
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size > 0) facts.executable.assign(target.data(), static_cast<size_t>(size));
}

std::optional<ProcessFacts> ProcessReader::read(uint32_t pid, bool with_executable) {
  const auto stat =
      parse_stat(read_file({pid, 0}, "stat", kernel::ProcessFile::kStat, kMaxStatBytes));
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  ProcessFacts facts;
  facts.key = {pid, stat->start_ticks};
  facts.parent_pid = stat->parent_pid;
  facts.comm = stat->comm;
  facts.arguments = parse_command_line(
      read_file(facts.key, "cmdline", kernel::ProcessFile::kCommandLine, kMaxCommandLineBytes));
  facts.cgroup_text = read_file(facts.key, "cgroup", kernel::ProcessFile::kCgroup, kMaxCgroupBytes);
  facts.cgroup = identify_cgroup(facts.cgroup_text);
  if (with_executable) read_executable(facts);
  return facts;
}

std::string ProcessReader::read_environment(model::ProcessKey key) {
  const auto opened = host_.open_process_file(key, kernel::ProcessFile::kEnviron);
  return opened ? read_bounded(opened->get(), kMaxEnvironBytes) : std::string();
}

std::optional<uint32_t> ProcessReader::read_effective_uid(uint32_t pid) const {
  const base::UniqueFd status(::open(path_of(pid, "status").c_str(), O_RDONLY | O_CLOEXEC));
  if (!status) return std::nullopt;
  return parse_effective_uid(read_bounded(status.get(), kMaxStatBytes));
}

std::optional<uint64_t> ProcessReader::read_start_ticks(uint32_t pid) {
  const auto stat =
      parse_stat(read_file({pid, 0}, "stat", kernel::ProcessFile::kStat, kMaxStatBytes));
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return stat->start_ticks;
}

std::vector<uint32_t> ProcessReader::list() const {
  std::vector<uint32_t> pids;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(proc_root_.c_str()));
  if (directory == nullptr) return pids;
  while (const dirent* entry = ::readdir(directory.get())) {
    uint32_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    const auto [stop, error] = std::from_chars(entry->d_name, end, pid);
    if (error == std::errc{} && stop == end && pid > 0) pids.push_back(pid);
  }
  return pids;
}

}  // namespace hostlens::discovery
