// SPDX-License-Identifier: Apache-2.0
#include "scrapers/device_names.h"

#include <filesystem>

#include "host_fixture.h"
#include "records/signal.h"

namespace hostlens::scrapers {
namespace {

constexpr uint32_t number(uint32_t major, uint32_t minor) {
  return major << DEVICE_MINOR_BITS | minor;
}

class DeviceNamesTest : public testing::Test {
 protected:
  void link_disk(const std::string& numbers, const std::string& target) const {
    const std::filesystem::path link = tree_.path() + "/sys/dev/block/" + numbers;
    std::filesystem::create_directories(link.parent_path());
    std::filesystem::create_symlink(target, link);
  }

  TemporaryTree tree_;
  HostRoots roots_{tree_.path() + "/proc", tree_.path() + "/sys", ""};
};

TEST_F(DeviceNamesTest, ADiskHasTheKernelsName) {
  link_disk("8:16", "../../devices/pci0000:00/block/sdb");
  link_disk("259:1048575", "../../devices/virtual/block/cciss!c0d0");
  EXPECT_EQ(disk_name(roots_, number(8, 16)), "sdb");
  EXPECT_EQ(disk_name(roots_, number(259, 1048575)), "cciss/c0d0");
  EXPECT_EQ(disk_name(roots_, number(8, 17)), "");
}

TEST_F(DeviceNamesTest, AFileSystemIsWhereItIsMountedAsAWhole) {
  tree_.write("proc/1/mountinfo",
              "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
              "22 21 8:2 /part /srv/part rw - ext4 /dev/sda2 rw\n"
              "23 21 8:2 / /srv/a\\040b rw - ext4 /dev/sda2 rw\n"
              "24 21 8:3 /only /srv/only rw - ext4 /dev/sda3 rw\n");
  EXPECT_EQ(mount_point(roots_, number(8, 1)), "/");
  EXPECT_EQ(mount_point(roots_, number(8, 2)), "/srv/a b");
  EXPECT_EQ(mount_point(roots_, number(8, 3)), "/srv/only");
  EXPECT_EQ(mount_point(roots_, number(8, 4)), "");
}

TEST_F(DeviceNamesTest, TheMountsOfTheFirstProcessMayBeHidden) {
  tree_.write("proc/self/mountinfo", "21 1 8:1 / /here rw - ext4 /dev/sda1 rw\n");
  EXPECT_EQ(mount_point(roots_, number(8, 1)), "/here");
}

TEST_F(DeviceNamesTest, HandlersOfOneInterruptAreToldApart) {
  tree_.write("sys/kernel/irq/36/actions", "virtio1-req.0\n");
  tree_.write("sys/kernel/irq/9/actions", "ahci[0000:00:1f.2],ehci_hcd:usb1\n");
  EXPECT_EQ(interrupt_handler(roots_, 36, 0), "virtio1-req.0");
  EXPECT_EQ(interrupt_handler(roots_, 9, interrupt_name__hash("ehci_hcd:usb1")), "ehci_hcd:usb1");
  EXPECT_EQ(interrupt_handler(roots_, 9, interrupt_name__hash("ahci[0000:00:1f.2]")),
            "ahci[0000:00:1f.2]");
  EXPECT_EQ(interrupt_handler(roots_, 9, 0), "ahci[0000:00:1f.2],ehci_hcd:usb1");
  EXPECT_EQ(interrupt_handler(roots_, 10, 0), "");
}

}  // namespace
}  // namespace hostlens::scrapers
