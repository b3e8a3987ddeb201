// SPDX-License-Identifier: Apache-2.0
#include "base/open_files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hostlens::base {
namespace {

/// What a child's `act` leaves of a soft limit of `soft` below a hard one of `hard`, through its
/// exit status: limits of this process stay as they are.
template <typename Act>
int soft_limit_after(rlim_t soft, rlim_t hard, Act act) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{soft, hard};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(255);
    act();
    ::_exit(static_cast<int>(open_files_limit()));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WEXITSTATUS(status);
}

TEST(OpenFilesTest, TheSoftLimitIsRaisedToTheHardOne) {
  EXPECT_EQ(soft_limit_after(50, 100, [] { raise_open_files_limit(); }), 100);
  EXPECT_EQ(soft_limit_after(100, 100, [] { raise_open_files_limit(); }), 100);
}

TEST(OpenFilesTest, WhatItWasIsToldAndCanBeGivenBack) {
  EXPECT_EQ(soft_limit_after(50, 100, [] { set_open_files_limit(raise_open_files_limit()); }), 50);
}

TEST(OpenFilesTest, ALimitIsNeverLowered) {
  const uint64_t before = open_files_limit();
  EXPECT_EQ(raise_open_files_limit(), before);
  EXPECT_GE(open_files_limit(), before);
  set_open_files_limit(before);
}

}  // namespace
}  // namespace hostlens::base
