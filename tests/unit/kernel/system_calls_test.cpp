// SPDX-License-Identifier: Apache-2.0
#include "kernel/system_calls.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace hostlens::kernel {
namespace {

TEST(SystemCallsTest, NamesAndNumbersAreThisMachines) {
  EXPECT_EQ(system_call_number("fsync"), uint32_t{SYS_fsync});
  EXPECT_EQ(system_call_name(SYS_fsync), "fsync");
  EXPECT_EQ(system_call_name(SYS_clock_nanosleep), "clock_nanosleep");
}

TEST(SystemCallsTest, WhatDoesNotExistHasNoNumber) {
  EXPECT_EQ(system_call_number("no_such_call"), std::nullopt);
}

TEST(SystemCallsTest, ACallThatTheLibraryDoesNotKnowKeepsItsNumber) {
  EXPECT_EQ(system_call_name(1020), "syscall_1020");
}

}  // namespace
}  // namespace hostlens::kernel
