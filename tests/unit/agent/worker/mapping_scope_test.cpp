// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/mapping_scope.h"

#include <gtest/gtest.h>

namespace hostlens::agent {
namespace {

TEST(MappingScopeTest, OfTargetsAreTheOneThatIsKnownAndThoseWithANotice) {
  MappingScope scope = MappingScope::of_targets(7);
  EXPECT_TRUE(scope.includes(7));
  EXPECT_FALSE(scope.includes(8));
  scope.on_notice(8);
  EXPECT_TRUE(scope.includes(8));
  EXPECT_FALSE(MappingScope::of_targets(0).includes(0));
}

TEST(MappingScopeTest, AProcessThatEndedIsForgottenAndItsNumberIsNobodys) {
  MappingScope scope = MappingScope::of_targets(7);
  for (uint32_t pid = 100; pid < 20'000; ++pid) scope.on_notice(pid);
  scope.forget_ended([](uint32_t pid) { return pid == 300; });
  EXPECT_EQ(scope.noticed(), 1U);
  EXPECT_TRUE(scope.includes(300));
  EXPECT_FALSE(scope.includes(301));
  EXPECT_TRUE(scope.includes(7)) << "the target may not have begun";
}

TEST(MappingScopeTest, OfTheHostAreAllOrThoseThatAreWantedAndNoticesAreNotKept) {
  MappingScope everybody = MappingScope::of_host(nullptr);
  EXPECT_TRUE(everybody.includes(9));
  MappingScope scope = MappingScope::of_host([](uint32_t pid) { return pid == 5; });
  for (uint32_t pid = 100; pid < 20'000; ++pid) scope.on_notice(pid);
  EXPECT_EQ(scope.noticed(), 0U);
  EXPECT_TRUE(scope.includes(5));
  EXPECT_FALSE(scope.includes(100));
}

}  // namespace
}  // namespace hostlens::agent
