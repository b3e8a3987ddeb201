// SPDX-License-Identifier: Apache-2.0
// What this kernel calls the values of one of its enumerations: they differ between versions.
#pragma once

#include <bpf/btf.h>

#include <cstdint>
#include <map>
#include <string>

namespace hostlens::probes {

/// Names by value without `prefix`; values named otherwise are left out. Empty: no such
/// enumeration.
[[nodiscard]] std::map<uint32_t, std::string> kernel_enum(const btf* types, const char* name,
                                                          const std::string& prefix);

}  // namespace hostlens::probes
