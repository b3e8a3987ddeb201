// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/waker_frames.h"

#include <algorithm>
#include <utility>

#include "model/profile.h"
#include "model/waker.h"

namespace hostlens::agent {
namespace {

using model::Frame;

constexpr const char* kNameless = "[unnamed]";

std::string_view kernel_name(const Frame& frame) {
  if (frame.kind != Frame::Kind::kKernel || frame.function == nullptr) return {};
  return frame.function->name;
}

/// A thread that sends over loopback, and much else that ends a section without soft interrupts,
/// serves those that came meanwhile itself, at once: mostly its own. Else they are served when a
/// device's interrupt ends, in whatever thread that came upon, or by ksoftirqd for anybody.
bool serves_its_own(const model::Stack& stack) {
  for (const Frame& frame : stack) {
    const std::string_view name = kernel_name(frame);
    if (name == "__local_bh_enable_ip") return true;
    if (name.find("irq_exit") != std::string_view::npos || name == "run_ksoftirqd") return false;
  }
  return false;
}

/// What is nearer to the leaf than who woke: the wake-up itself, and our own hook.
void drop_wakeup(model::Stack& stack) {
  const auto wakes = std::find_if(stack.begin(), stack.end(), [](const Frame& frame) {
    return kernel_name(frame) == "try_to_wake_up";
  });
  if (wakes == stack.end()) return;
  while (stack.begin() != wakes) stack.pop();
}

}  // namespace

void WakerFrames::add_thread(model::Sample& sleep, model::Sample&& waker, profile_waker how) {
  if (how == PROFILE_WAKER_SOFTIRQ && !serves_its_own(waker.stack)) return add_interrupt(sleep);
  ++figures_.threads;
  drop_wakeup(waker.stack);
  begin(sleep);
  // Upside down a frame is no part of the one behind it any more.
  for (Frame frame : waker.stack) {
    frame.inlined = false;
    sleep.stack.push(std::move(frame));
  }
  if (waker.truncated) sleep.stack.push(mark(model::kTruncatedMark));
  end(sleep, waker.thread_name.empty() ? kNameless : waker.thread_name);
}

void WakerFrames::add_interrupt(model::Sample& sleep) {
  ++figures_.interrupts;
  begin(sleep);
  end(sleep, model::kInterruptMark);
}

const Frame& WakerFrames::mark(std::string_view text) {
  if (marks_.size() >= kMostMarks) marks_.clear();
  const auto [place, is_new] = marks_.try_emplace(std::string(text));
  if (is_new) place->second = model::mark_frame(place->first);
  return place->second;
}

void WakerFrames::begin(model::Sample& sleep) {
  sleep.stack.push(mark("[" + sleep.cause + "]"));
  sleep.stack.push(mark(model::kWakerMark));
}

void WakerFrames::end(model::Sample& sleep, std::string_view name) {
  sleep.stack.push(mark(name));
  sleep.waker = name;
}

}  // namespace hostlens::agent
