// SPDX-License-Identifier: Apache-2.0
// The other tests here skip a variant that does not attach. This one says that some variant must.
#include <gtest/gtest.h>

#include <cstdio>

#include "kernel/features.h"
#include "probes/socket_probe.h"

namespace hostlens::testing {
namespace {

/// Why this machine is excused; nothing when it is not.
std::string excuse() {
  const kernel::Features features = kernel::read_features();
  for (const char* needed : {"CAP_BPF", "CAP_PERFMON"}) {
    if (!features.has(needed)) return std::string("no ") + needed;
  }
  if (!features.btf) return "no /sys/kernel/btf/vmlinux";
  if (features.lockdown == "confidentiality") return "lockdown forbids to read kernel memory";
  int major = 0;
  int minor = 0;
  if (std::sscanf(features.release.c_str(), "%d.%d", &major, &minor) != 2) return "no Linux";
  if (major < 5 || (major == 5 && minor < 15)) return "Linux " + features.release + " < 5.15";
  return {};
}

TEST(SocketAttachTest, SomeVariantAttachesWhereTheKernelAndTheCapabilitiesAreThere) {
  if (const std::string reason = excuse(); !reason.empty()) GTEST_SKIP() << reason;
  const auto probe = probes::SocketProbe::attach({});
  ASSERT_TRUE(probe) << probe.error().text();
  probes::SocketProbeSettings same;
  same.only = (*probe)->variant();
  EXPECT_TRUE(probes::SocketProbe::attach(same)) << probes::to_string((*probe)->variant());
}

}  // namespace
}  // namespace hostlens::testing
