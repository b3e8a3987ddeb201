// SPDX-License-Identifier: Apache-2.0
// Names of what kernel signals know by number: disks, file systems, handlers of interrupts.
#pragma once

#include <cstdint>
#include <string>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// The kernel's name of a disk, "sda"; "" when it is gone. Numbers as in records/signal.h.
[[nodiscard]] std::string disk_name(const HostRoots& roots, uint32_t device);

/// Where a file system is mounted, its first mount as a whole where there is one; "" when it is not
/// mounted where we can see it.
[[nodiscard]] std::string mount_point(const HostRoots& roots, uint32_t device);

/// The handler of a hard interrupt, "virtio1-req.0"; of several, the one whose name has that hash
/// (interrupt_name__hash; 0: there is but one). "" when there is none.
[[nodiscard]] std::string interrupt_handler(const HostRoots& roots, uint32_t irq, uint16_t hash);

}  // namespace hostlens::scrapers
