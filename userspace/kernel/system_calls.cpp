// SPDX-License-Identifier: Apache-2.0
#include "kernel/system_calls.h"

#include <seccomp.h>

#include <cstdlib>
#include <memory>

namespace hostlens::kernel {

std::optional<uint32_t> system_call_number(const char* name) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number < 0) return std::nullopt;  // libseccomp's own numbers for calls of other machines
  return static_cast<uint32_t>(number);
}

std::string system_call_name(uint32_t number) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number)), &std::free);
  return name == nullptr ? "syscall_" + std::to_string(number) : std::string(name.get());
}

}  // namespace hostlens::kernel
