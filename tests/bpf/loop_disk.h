// SPDX-License-Identifier: Apache-2.0
// A disk of the tests' own: a loop device over memory, and what the kernel itself counts of it.
#pragma once

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "base/unique_fd.h"

namespace hostlens::testing {

/// /sys/block/NAME/stat, Documentation/block/stat.rst: four numbers each for reads, writes and
/// discards (requests, merged, sectors, milliseconds), two for flushes.
struct DiskStat {
  struct Kind {
    uint64_t requests = 0;
    uint64_t bytes = 0;
    uint64_t ms = 0;  ///< from the allocation of each request to its end
  };
  Kind read, write, discard, flush;

  friend DiskStat operator-(DiskStat a, const DiskStat& b) {
    for (const auto kind :
         {&DiskStat::read, &DiskStat::write, &DiskStat::discard, &DiskStat::flush}) {
      (a.*kind).requests -= (b.*kind).requests;
      (a.*kind).bytes -= (b.*kind).bytes;
      (a.*kind).ms -= (b.*kind).ms;
    }
    return a;
  }
};

class LoopDisk {
 public:
  static constexpr uint64_t kBytes = 64ULL << 20;

  /// null: `why_not`. The device is given back when this ends.
  static std::unique_ptr<LoopDisk> make(std::string& why_not) {
    const base::UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    const int number = control ? ::ioctl(control.get(), LOOP_CTL_GET_FREE) : -1;
    if (number < 0) {
      why_not = "this kernel gives no loop device: " + std::string(std::strerror(errno));
      return nullptr;
    }
    std::unique_ptr<LoopDisk> disk(new LoopDisk("loop" + std::to_string(number)));
    disk->memory_.reset(::memfd_create("loop disk", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    disk->device_.reset(::open(disk->path().c_str(), O_RDWR | O_CLOEXEC));
    loop_config configuration{};
    configuration.fd = static_cast<uint32_t>(disk->memory_.get());
    struct stat facts {};
    if (::ftruncate(disk->memory_.get(), kBytes) != 0 || !disk->device_ ||
        ::ioctl(disk->device_.get(), LOOP_CONFIGURE, &configuration) != 0 ||
        ::fstat(disk->device_.get(), &facts) != 0) {
      why_not = "loop device over memory: " + std::string(std::strerror(errno));
      disk->device_.reset();
      return nullptr;
    }
    disk->number_ = ::major(facts.st_rdev) << 20 | ::minor(facts.st_rdev);
    return disk;
  }
  ~LoopDisk() {
    if (device_) ::ioctl(device_.get(), LOOP_CLR_FD);
  }
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  [[nodiscard]] std::string path() const { return "/dev/" + name_; }
  [[nodiscard]] uint32_t number() const { return number_; }
  [[nodiscard]] int memory() const { return memory_.get(); }
  [[nodiscard]] int device() const { return device_.get(); }
  [[nodiscard]] DiskStat stat() const {
    std::ifstream file("/sys/block/" + name_ + "/stat");
    std::array<uint64_t, 17> numbers{};
    for (uint64_t& number : numbers) file >> number;
    return {{numbers[0], numbers[2] * 512, numbers[3]},
            {numbers[4], numbers[6] * 512, numbers[7]},
            {numbers[11], numbers[13] * 512, numbers[14]},
            {numbers[15], 0, numbers[16]}};
  }

 private:
  explicit LoopDisk(std::string name) : name_(std::move(name)) {}

  std::string name_;
  base::UniqueFd memory_;
  base::UniqueFd device_;
  uint32_t number_ = 0;
};

}  // namespace hostlens::testing
