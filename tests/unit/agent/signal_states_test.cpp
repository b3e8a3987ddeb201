// SPDX-License-Identifier: Apache-2.0
#include "agent/signal_states.h"

#include <gtest/gtest.h>

namespace hostlens::agent {
namespace {

TEST(SignalStatesTest, OneWayToHookIsEnough) {
  const auto states =
      signal_states({"sys_exit",
                     {{"socket", "sendfile, AF_UNIX", "fexit/tcp_sendmsg", false, false,
                       "the kernel refuses it", ""},
                      {"socket", "sendfile, AF_UNIX", "tp_btf/sys_exit", true, true, "", ""}}});
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].name, "sendfile, AF_UNIX");
  EXPECT_EQ(states[0].state, "active");
  EXPECT_EQ(states[0].hook, "tp_btf/sys_exit");
  EXPECT_EQ(states[0].reason, "");
}

TEST(SignalStatesTest, ASignalOfTwoProbesNeedsBoth) {
  const auto states = signal_states(
      {"",
       {{"process", "hostlens.a, hostlens.b", "tp_btf/fork", true, true, "", ""},
        {"scheduler", "hostlens.b", "tp_btf/switch", false, false, "refused", "be root"}}});
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].name, "hostlens.a");
  EXPECT_EQ(states[0].state, "active");
  EXPECT_EQ(states[1].name, "hostlens.b");
  EXPECT_EQ(states[1].state, "unavailable");
  EXPECT_EQ(states[1].hook, "tp_btf/fork, tp_btf/switch");
  EXPECT_EQ(states[1].reason, "refused");
  EXPECT_EQ(states[1].remedy, "be root");
}

TEST(SignalStatesTest, ASignalOfPartsIsThereWhenOneIs) {
  const auto states = signal_states(
      {"",
       {{"fsync", "hostlens.fsync.duration, of ext4", "tp_btf/ext4", true, true, "", ""},
        {"file", "hostlens.fsync.duration, of xfs", "fentry/xfs", false, false, "refused", ""},
        {"file", "hostlens.file.io.duration, of xfs", "fentry/xfs", false, false, "refused", ""},
        {"file", "hostlens.file.io.duration", "fentry/read", false, false, "absent", ""}}});
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].name, "hostlens.file.io.duration");
  EXPECT_EQ(states[0].state, "unavailable");
  EXPECT_EQ(states[0].reason, "absent, refused");
  ASSERT_EQ(states[0].parts.size(), 2U);
  EXPECT_EQ(states[0].parts[0].name, "");
  EXPECT_EQ(states[1].name, "hostlens.fsync.duration");
  EXPECT_EQ(states[1].state, "active");
  EXPECT_EQ(states[1].hook, "tp_btf/ext4");
  EXPECT_EQ(states[1].reason, "") << "that of a part stands there";
  ASSERT_EQ(states[1].parts.size(), 2U);
  EXPECT_EQ(states[1].parts[1].name, "of xfs");
  EXPECT_EQ(states[1].parts[1].state, "unavailable");
  EXPECT_EQ(states[1].parts[1].reason, "refused");
}

TEST(SignalStatesTest, WhatTheConfigurationSwitchesOffIsOffUnlessItIsUnavailable) {
  Configuration configuration;
  for (const uint64_t burst_ns : {uint64_t{1'000'000'000}, uint64_t{0}}) {
    for (const bool attached : {true, false}) {
      auto states = signal_states(
          {"",
           {{"system_call", "hostlens.syscall.duration", "tp_btf/sys_enter", attached, attached,
             attached ? "" : "refused", ""},
            {"process", "hostlens.process.execs", "tp_btf/exec", true, true, "", ""}}});
      configuration.syscall_burst_ns = burst_ns;
      mark_switched_off(states, configuration);
      ASSERT_EQ(states.size(), 2U);
      EXPECT_EQ(states[0].state, "active");
      EXPECT_EQ(states[1].state, !attached ? "unavailable" : burst_ns == 0 ? "off" : "active");
      EXPECT_EQ(states[1].reason.find("signals.syscalls.burst") == 0, attached && burst_ns == 0);
    }
  }
}

}  // namespace
}  // namespace hostlens::agent
