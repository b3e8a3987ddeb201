// SPDX-License-Identifier: Apache-2.0
// Against the kernel's own ring, written to by BPF, are the tests in tests/bpf; here: what is no
// ring.
#include "kernel/ring_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace hostlens::kernel {
namespace {

TEST(RingReaderTest, RefusesADescriptorThatIsNoRing) {
  auto reader = RingReader::open(base::UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().text().find("ring buffer"), std::string::npos);
  EXPECT_FALSE(RingReader::open(base::UniqueFd()));
}

}  // namespace
}  // namespace hostlens::kernel
