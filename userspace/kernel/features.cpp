// SPDX-License-Identifier: Apache-2.0
#include "kernel/features.h"

#include <linux/capability.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

namespace hostlens::kernel {
namespace {

struct KnownCapability {
  int number;
  const char* name;
  const char* needed_for;
};

constexpr KnownCapability kCapabilities[] = {
    {CAP_BPF, "CAP_BPF", "load programs and make maps"},
    {CAP_PERFMON, "CAP_PERFMON", "attach tracing programs and read kernel memory"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "read /proc entries of other users' processes"},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "reach files of other users' processes"},
    {CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
     "open the files that processes execute: names and stacks of profiles"},
    {CAP_SYSLOG, "CAP_SYSLOG", "see where the kernel's functions are: their names in profiles"},
    {CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", "lift the memory lock limit on kernels before 5.11"},
    {CAP_SETUID, "CAP_SETUID", "give the worker its own user"},
    {CAP_SETGID, "CAP_SETGID", "give the worker its own group"},
};

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "none [integrity] confidentiality": the one in brackets.
std::string chosen_word(const std::string& line) {
  const size_t begin = line.find('[');
  const size_t end = line.find(']', begin == std::string::npos ? 0 : begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  return line.substr(begin + 1, end - begin - 1);
}

uint64_t effective_capabilities() {
  std::ifstream status("/proc/self/status");
  const std::string key = "CapEff:\t";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(key)) continue;
    uint64_t bits = 0;
    std::from_chars(line.data() + key.size(), line.data() + line.size(), bits, 16);
    return bits;
  }
  return 0;
}

int read_number(const char* path) {
  const std::string line = first_line(path);
  int value = -1;
  std::from_chars(line.data(), line.data() + line.size(), value);
  return value;
}

}  // namespace

bool Features::has(const std::string& capability) const {
  return std::any_of(capabilities.begin(), capabilities.end(), [&](const Capability& known) {
    return known.name == capability && known.effective;
  });
}

Features read_features() {
  Features features;
  utsname names{};
  if (::uname(&names) == 0) {
    features.release = names.release;
    features.machine = names.machine;
  }
  features.btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  features.lockdown = chosen_word(first_line("/sys/kernel/security/lockdown"));
  features.unprivileged_bpf_disabled = read_number("/proc/sys/kernel/unprivileged_bpf_disabled");
  const uint64_t effective = effective_capabilities();
  for (const KnownCapability& known : kCapabilities) {
    features.capabilities.push_back(
        {known.name, known.needed_for, (effective >> known.number & 1U) != 0});
  }
  return features;
}

}  // namespace hostlens::kernel
