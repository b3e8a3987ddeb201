// SPDX-License-Identifier: Apache-2.0
// A /proc tree in a temporary directory and a HostAccess that opens only what is below it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kernel/host_access.h"
#include "kernel/socket_inodes.h"

namespace hostlens::discovery {

struct FakeProcess {
  uint32_t pid = 0;
  uint32_t parent_pid = 1;
  uint64_t start_ticks = 100;
  std::string executable;  ///< path inside the fake root
  std::vector<std::string> arguments;
  std::string environment;  ///< NUL-separated
  std::string cgroup = "0::/\n";
  std::vector<uint64_t> sockets;
  char state = 'S';
};

class FakeHost final : public kernel::HostAccess {
 public:
  FakeHost() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fake_host.XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(proc());
  }
  ~FakeHost() override { std::filesystem::remove_all(root_); }

  [[nodiscard]] std::string root() const { return root_.string(); }
  [[nodiscard]] std::string proc() const { return (root_ / "proc").string(); }
  [[nodiscard]] std::string cgroups() const { return (root_ / "cgroup").string(); }

  void put(const FakeProcess& process) {
    remove(process.pid);
    const auto directory = directory_of(process.pid);
    std::filesystem::create_directories(directory / "fd");
    std::filesystem::create_directories(directory / "net");
    std::string stat = std::to_string(process.pid) + " (" + comm_of(process) + ") ";
    stat += std::string(1, process.state) + " " + std::to_string(process.parent_pid);
    for (int field = 5; field < 22; ++field) stat += " 0";
    write(directory / "stat", stat + " " + std::to_string(process.start_ticks) + " 0\n");
    std::string arguments;
    for (const std::string& argument : process.arguments) arguments += argument + '\0';
    write(directory / "cmdline", arguments);
    write(directory / "environ", process.environment);
    write(directory / "cgroup", process.cgroup);
    write(directory / "status", "Name:\tx\nUid:\t0\t0\t0\t0\n");
    write(directory / "net/tcp", "  sl  local_address rem_address   st\n" + listeners_);
    write(directory / "net/tcp6", "  sl\n");
    if (!process.executable.empty()) {
      const std::filesystem::path file = root() + process.executable;
      std::filesystem::create_directories(file.parent_path());
      write(file, "");
      std::filesystem::create_symlink(file, directory / "exe");
    }
    for (const uint64_t inode : process.sockets) {
      std::filesystem::create_symlink("socket:[" + std::to_string(inode) + "]",
                                      directory / "fd" / std::to_string(inode));
    }
  }
  void remove(uint32_t pid) { std::filesystem::remove_all(directory_of(pid)); }
  /// Puts a listener into the tables of processes that are put later.
  void listen(uint16_t port, uint64_t inode) {
    char line[160];
    std::snprintf(
        line, sizeof line,
        "   0: 0100007F:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0"
        "        0 %llu 1\n",
        port, static_cast<unsigned long long>(inode));
    listeners_ += line;
  }

  base::Result<base::UniqueFd> open_process_file(model::ProcessKey key,
                                                 kernel::ProcessFile what) override {
    ++opens;
    static const std::map<kernel::ProcessFile, std::string> kNames{
        {kernel::ProcessFile::kEnviron, "environ"},
        {kernel::ProcessFile::kExecutable, "exe"},
        {kernel::ProcessFile::kCommandLine, "cmdline"},
        {kernel::ProcessFile::kCgroup, "cgroup"},
        {kernel::ProcessFile::kStat, "stat"},
        {kernel::ProcessFile::kSocketTables, "net"},
        {kernel::ProcessFile::kMaps, "maps"},
        {kernel::ProcessFile::kJavaRelease, "release"}};
    const auto directory = directory_of(key.pid);
    opened_executables += what == kernel::ProcessFile::kExecutable ? 1 : 0;
    if (what == kernel::ProcessFile::kSocketInodes) {
      return kernel::list_socket_inodes((directory / "fd").string());
    }
    base::UniqueFd file(::open((directory / kNames.at(what)).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return base::errno_error("open");
    return file;
  }
  base::Result<void> set_target(model::ProcessKey key, bool is_target) override {
    if (!std::filesystem::exists(directory_of(key.pid))) return base::errno_error("pid", ESRCH);
    if (is_target) {
      targets.insert(key.pid);
    } else {
      targets.erase(key.pid);
    }
    return {};
  }
  base::Result<void> set_target_cgroup(uint64_t cgroup_id, bool is_target) override {
    if (is_target) {
      target_cgroups.insert(cgroup_id);
    } else {
      target_cgroups.erase(cgroup_id);
    }
    return {};
  }

  std::set<uint32_t> targets;
  std::set<uint64_t> target_cgroups;
  std::atomic<int> opens = 0;
  std::atomic<int> opened_executables = 0;

 private:
  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string comm_of(const FakeProcess& process) {
    return std::filesystem::path(process.executable).filename().string().substr(0, 15);
  }
  [[nodiscard]] std::filesystem::path directory_of(uint32_t pid) const {
    return root_ / "proc" / std::to_string(pid);
  }

  std::filesystem::path root_;
  std::string listeners_;
};

}  // namespace hostlens::discovery
