// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/waker_frames.h"

#include <gtest/gtest.h>

#include "exporters/profile/folded.h"
#include "model/profile.h"

namespace hostlens::agent {
namespace {

using model::Frame;

Frame frame(Frame::Kind kind, const char* name) {
  Frame made = model::mark_frame(name);
  made.kind = kind;
  return made;
}
Frame kernel(const char* name) { return frame(Frame::Kind::kKernel, name); }
Frame native(const char* name) { return frame(Frame::Kind::kNative, name); }

model::Sample sleep() {
  model::Sample sample;
  sample.thread_name = "sleeper";
  sample.cause = "lock";
  sample.weight = 5'000'000;
  sample.stack = model::Stack::of(
      std::vector{kernel("futex_wait"), native("pthread_mutex_lock"), native("main")});
  return sample;
}

model::Sample waker(std::vector<Frame> frames) {
  model::Sample sample;
  sample.thread_name = "helper";
  sample.stack = model::Stack::of(frames);
  return sample;
}

std::string folded(const model::Sample& sample) {
  model::Profile profile({.kind = model::ProfileKind::kOffCpu});
  profile.add(sample);
  return exporters::profile::write_folded(profile);
}

TEST(WakerFramesTest, TheWakerStandsUpsideDownBehindTheCause) {
  WakerFrames frames;
  model::Sample sample = sleep();
  frames.add_thread(
      sample,
      waker({kernel("bpf_prog_sched_waking"), kernel("try_to_wake_up"), kernel("futex_wake"),
             native("pthread_mutex_unlock"), native("help"), native("start_thread")}),
      PROFILE_WAKER_THREAD);
  EXPECT_EQ(folded(sample),
            "sleeper;main;pthread_mutex_lock;futex_wait_[k];[lock];--;try_to_wake_up_[k];"
            "futex_wake_[k];pthread_mutex_unlock;help;start_thread;helper 5000\n");
  EXPECT_EQ(sample.waker, "helper");
  EXPECT_EQ(frames.figures().threads, 1U);
}

TEST(WakerFramesTest, AnInterruptIsNobodysStack) {
  WakerFrames frames;
  model::Sample sample = sleep();
  frames.add_interrupt(sample);
  EXPECT_EQ(folded(sample),
            "sleeper;main;pthread_mutex_lock;futex_wait_[k];[lock];--;[interrupt] 5000\n");
  EXPECT_EQ(frames.figures().interrupts, 1U);
}

TEST(WakerFramesTest, WithoutAKnownWakerTheStackEndsAtItsCause) {
  WakerFrames frames;
  const model::Sample sample = sleep();
  frames.add_unknown();
  EXPECT_EQ(folded(sample), "sleeper;main;pthread_mutex_lock;futex_wait_[k];[lock] 5000\n");
  EXPECT_EQ(frames.figures().unknown, 1U);
}

TEST(WakerFramesTest, ASoftInterruptIsAThreadsDoingWhereTheThreadLetItIn) {
  WakerFrames frames;
  model::Sample sent = sleep();
  frames.add_thread(sent,
                    waker({kernel("try_to_wake_up"), kernel("sock_def_readable"),
                           kernel("net_rx_action"), kernel("handle_softirqs"), kernel("do_softirq"),
                           kernel("__local_bh_enable_ip"), kernel("tcp_sendmsg"), native("send")}),
                    PROFILE_WAKER_SOFTIRQ);
  EXPECT_EQ(sent.waker, "helper");
  for (const char* const served_by : {"__irq_exit_rcu", "irq_exit_rcu", "run_ksoftirqd"}) {
    model::Sample interrupted = sleep();
    frames.add_thread(
        interrupted,
        waker({kernel("try_to_wake_up"), kernel("net_rx_action"), kernel("handle_softirqs"),
               kernel(served_by), kernel("__local_bh_enable_ip"), native("innocent")}),
        PROFILE_WAKER_SOFTIRQ);
    EXPECT_EQ(interrupted.waker, "[interrupt]") << served_by;
    EXPECT_EQ(folded(interrupted).find("innocent"), std::string::npos);
  }
  model::Sample unknown = sleep();
  frames.add_thread(unknown, waker({native("__local_bh_enable_ip")}), PROFILE_WAKER_SOFTIRQ);
  EXPECT_EQ(unknown.waker, "[interrupt]") << "a program may call its functions as it likes";
  EXPECT_EQ(frames.figures().threads, 1U);
  EXPECT_EQ(frames.figures().interrupts, 4U);
}

TEST(WakerFramesTest, InlinedFunctionsOfAWakerStandAlone) {
  WakerFrames frames;
  model::Sample sample = sleep();
  std::vector<Frame> stack{native("unlock"), native("help")};
  stack.front().inlined = true;
  frames.add_thread(sample, waker(std::move(stack)), PROFILE_WAKER_THREAD);
  for (const Frame& one : sample.stack) EXPECT_FALSE(one.inlined);
}

TEST(WakerFramesTest, MarksAreShared) {
  WakerFrames frames;
  model::Sample first = sleep();
  model::Sample second = sleep();
  frames.add_interrupt(first);
  frames.add_interrupt(second);
  auto other = second.stack.begin();
  auto mark = first.stack.begin();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ((mark++)->function, (other++)->function);
}

}  // namespace
}  // namespace hostlens::agent
