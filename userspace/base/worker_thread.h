// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/result.h"

namespace hostlens::base {

/// A thread that `name` (at most 15 bytes) shows in /proc, with every signal blocked: signals are
/// for the main thread, and SIGPIPE of a write must not end the process. The error names the
/// thread.
[[nodiscard]] Result<std::thread> start_thread(const std::string& name, std::function<void()> body);

}  // namespace hostlens::base
