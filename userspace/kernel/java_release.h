// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::kernel {

/// The file `release` beside the `bin` of a JVM, as the process behind `process_path`
/// ("/proc/42") sees it: in its own root, which may be a container's, and never out of that. Of no
/// other program is anything of that name expected; kNotFound then, or when it is no regular file.
[[nodiscard]] base::Result<base::UniqueFd> open_java_release(const std::string& process_path);

}  // namespace hostlens::kernel
