// SPDX-License-Identifier: Apache-2.0
// Names and numbers of this machine's system calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hostlens::kernel {

/// nullopt: this architecture has no such call, or libseccomp is older than it.
[[nodiscard]] std::optional<uint32_t> system_call_number(const char* name);

/// "fsync"; "syscall_999" of one that libseccomp does not know.
[[nodiscard]] std::string system_call_name(uint32_t number);

}  // namespace hostlens::kernel
