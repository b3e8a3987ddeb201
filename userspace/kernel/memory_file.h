// SPDX-License-Identifier: Apache-2.0
// What the supervisor read for the worker, when a descriptor of the file itself would tell nothing.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::kernel {

/// A sealed memory file that holds these bytes; `name` is for people who look at /proc.
base::Result<base::UniqueFd> memory_file(const char* name, std::span<const std::byte> bytes);

/// What ProcessFile::kIo stands for: the bytes of `path` (/proc/PID/io), at most 4 KiB, as they are
/// now. The kernel asks at every read who reads (fs/proc/base.c, do_io_accounting).
base::Result<base::UniqueFd> copy_process_io(const std::string& path);

}  // namespace hostlens::kernel
