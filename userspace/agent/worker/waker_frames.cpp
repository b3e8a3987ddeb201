// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/waker_frames.h"

#include <algorithm>
#include <iterator>
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
bool serves_its_own(const std::vector<Frame>& frames) {
  for (const Frame& frame : frames) {
    const std::string_view name = kernel_name(frame);
    if (name == "__local_bh_enable_ip") return true;
    if (name.find("irq_exit") != std::string_view::npos || name == "run_ksoftirqd") return false;
  }
  return false;
}

/// What is nearer to the leaf than who woke: the wake-up itself, and our own hook.
void drop_wakeup(std::vector<Frame>& frames) {
  const auto wakes = std::find_if(frames.begin(), frames.end(), [](const Frame& frame) {
    return kernel_name(frame) == "try_to_wake_up";
  });
  if (wakes != frames.end()) frames.erase(frames.begin(), wakes);
}

}  // namespace

void WakerFrames::add_thread(model::Sample& sleep, model::Sample&& waker, profile_waker how) {
  if (how == PROFILE_WAKER_SOFTIRQ && !serves_its_own(waker.frames)) return add_interrupt(sleep);
  ++figures_.threads;
  drop_wakeup(waker.frames);
  if (waker.truncated) waker.frames.push_back(mark(model::kTruncatedMark));
  add(sleep, waker.thread_name.empty() ? kNameless : waker.thread_name, std::move(waker.frames));
}

void WakerFrames::add_interrupt(model::Sample& sleep) {
  ++figures_.interrupts;
  add(sleep, model::kInterruptMark, {});
}

const Frame& WakerFrames::mark(std::string_view text) {
  if (marks_.size() >= kMostMarks) marks_.clear();
  const auto [place, is_new] = marks_.try_emplace(std::string(text));
  if (is_new) place->second = model::mark_frame(place->first);
  return place->second;
}

void WakerFrames::add(model::Sample& sleep, std::string_view name, std::vector<Frame>&& frames) {
  std::vector<Frame> whole;
  whole.reserve(frames.size() + sleep.frames.size() + 3);
  whole.push_back(mark(name));
  // Upside down a frame is no part of the one behind it any more.
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    frame->inlined = false;
    whole.push_back(std::move(*frame));
  }
  whole.push_back(mark(model::kWakerMark));
  whole.push_back(mark("[" + sleep.cause + "]"));
  std::move(sleep.frames.begin(), sleep.frames.end(), std::back_inserter(whole));
  sleep.frames = std::move(whole);
  sleep.waker = name;
}

}  // namespace hostlens::agent
