// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::kernel {

/// What ProcessFile::kSocketInodes stands for: a sealed memory file with the inode number (u64,
/// host order) of every socket among the descriptors in `descriptors` (/proc/PID/fd), at most
/// 65,536. Privileged: a link there may be read only by who may trace the process, at every look
/// and not only at opening.
base::Result<base::UniqueFd> list_socket_inodes(const std::string& descriptors);

}  // namespace hostlens::kernel
