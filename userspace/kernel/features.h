// SPDX-License-Identifier: Apache-2.0
// Facts about this kernel and this process that decide what can be attached. For people: code tries
// instead of asking.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hostlens::kernel {

struct Capability {
  std::string name;  ///< "CAP_BPF"
  std::string needed_for;
  bool effective = false;
};

struct Features {
  std::string release;   ///< uname -r
  std::string machine;   ///< uname -m
  bool btf = false;      ///< /sys/kernel/btf/vmlinux is readable
  std::string lockdown;  ///< "none", "integrity", "confidentiality"; "" when the kernel has none
  int unprivileged_bpf_disabled = -1;  ///< sysctl kernel.unprivileged_bpf_disabled, -1: not there
  std::vector<Capability> capabilities;
  [[nodiscard]] bool has(const std::string& capability) const;
};

/// Reads /proc, /sys and this process's capabilities; never fails, what cannot be read stays unset.
[[nodiscard]] Features read_features();

}  // namespace hostlens::kernel
