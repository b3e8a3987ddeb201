// SPDX-License-Identifier: Apache-2.0
// A file system of the tests' own: ext4 on a loop device over memory.
#pragma once

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "bpf/loop_disk.h"

namespace hostlens::testing {

class Ext4Mount {
 public:
  /// null: `why_not`. It is unmounted with this.
  static std::unique_ptr<Ext4Mount> make(std::string& why_not) {
    std::unique_ptr<Ext4Mount> mount(new Ext4Mount);
    mount->disk_ = LoopDisk::make(why_not);
    if (!mount->disk_) return nullptr;
    if (!format(mount->disk_->path())) {
      why_not = "mkfs.ext4 is missing or failed";
      return nullptr;
    }
    char folder[] = "/tmp/hostlens-ext4-XXXXXX";
    if (::mkdtemp(folder) == nullptr) {
      why_not = "mkdtemp: " + std::string(std::strerror(errno));
      return nullptr;
    }
    mount->folder_ = folder;
    mount->mounted_ = ::mount(mount->disk_->path().c_str(), folder, "ext4", 0, "") == 0;
    if (mount->mounted_) return mount;
    why_not = "mount of ext4: " + std::string(std::strerror(errno));
    return nullptr;
  }
  ~Ext4Mount() {
    if (mounted_) ::umount(folder_.c_str());
    if (!folder_.empty()) ::rmdir(folder_.c_str());
  }
  Ext4Mount(const Ext4Mount&) = delete;
  Ext4Mount& operator=(const Ext4Mount&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] const LoopDisk& disk() const { return *disk_; }

 private:
  Ext4Mount() = default;

  static bool format(const std::string& device) {
    const pid_t child = ::fork();
    if (child == 0) {
      const int nothing = ::open("/dev/null", O_RDWR);
      for (const int fd : {0, 1, 2}) ::dup2(nothing, fd);
      ::execlp("mkfs.ext4", "mkfs.ext4", "-q", "-F", device.c_str(), nullptr);
      ::_exit(127);
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && status == 0;
  }

  std::unique_ptr<LoopDisk> disk_;
  std::string folder_;
  bool mounted_ = false;
};

}  // namespace hostlens::testing
