// SPDX-License-Identifier: Apache-2.0
#include "unwind_oracle/stop_and_compare.h"

#include <algorithm>
#include <ctime>

#include "base/clock.h"

namespace hostlens::tests {
namespace {

/// Others want the CPU, too.
constexpr uint64_t kPatienceNs = 1'000'000'000;
/// Of programs that fork all the time.
constexpr size_t kMostJudges = 64;

void wait_until(uint64_t end_ns) {
  const timespec end{.tv_sec = static_cast<time_t>(end_ns / 1'000'000'000),
                     .tv_nsec = static_cast<long>(end_ns % 1'000'000'000)};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nullptr) != 0) {
  }
}

}  // namespace

const decoders::ProfileSample* StopAndCompare::sample_of(pid_t tid, uint64_t since_ns) {
  const uint64_t end_ns = base::monotonic_now_ns() + kPatienceNs;
  do {
    for (const decoders::ProfileSample& sample : profiled_.samples()) {
      if (sample.tid == static_cast<uint32_t>(tid) && sample.time_ns >= since_ns &&
          sample.cause != 0 && sample.cause != PROFILE_CAUSE_RUNQUEUE &&
          sample.outcome != PROFILE_NO_STACK) {
        return &sample;
      }
    }
    profiled_.serve_once();
  } while (base::monotonic_now_ns() < end_ns);
  return nullptr;
}

bool StopAndCompare::is_at(pid_t pid, const decoders::ProfileFrame& frame, uint64_t pc) {
  const auto process = profiled_.tables().process(static_cast<uint32_t>(pid));
  if (!process) return false;
  const auto* places = profiled_.tracker().places(process->space);
  if (places == nullptr) places = profiled_.tracker().places(process->inherited);
  return places != nullptr && std::ranges::any_of(*places, [&](const symbols::CodePlace& place) {
           return place.executable == frame.executable && pc - frame.address == place.bias &&
                  pc - (frame.is_return ? 1 : 0) - place.start < place.limit - place.start;
         });
}

std::optional<StopResult> StopAndCompare::once(const ThreadId& thread) {
  if (judges_.size() > kMostJudges) judges_.clear();
  auto& judge = judges_[thread.pid];
  if (!judge) judge = std::make_unique<LibdwflStacks>(thread.pid);
  profiled_.clear();
  auto stopped = StoppedThread::stop(thread.tid);
  if (!stopped) return std::nullopt;
  const uint64_t stopped_ns = base::monotonic_now_ns();
  const JudgedStack judged = judge->of_thread(thread.tid);
  wait_until(stopped_ns + kStopNs);
  const uint64_t goes_on_ns = base::monotonic_now_ns();
  stopped->go_on();
  const decoders::ProfileSample* const sample = sample_of(thread.tid, goes_on_ns);
  if (sample == nullptr) return std::nullopt;
  const FrameMeaning meaning{.path_of =
                                 [&](uint32_t executable) {
                                   const symbols::CodeFile* const file =
                                       profiled_.tracker().file(executable);
                                   return file == nullptr ? std::string() : file->path;
                                 },
                             .is_at = [&](const decoders::ProfileFrame& frame,
                                          uint64_t pc) { return is_at(thread.pid, frame, pc); }};
  StopResult result{.comparison = compare_stacks(judged, *sample, meaning)};
  // Another instruction: not the stop's, whose stack the kernel did not send, but a later sleep's.
  if (result.comparison.equal_frames == 0 && !judged.frames.empty()) return std::nullopt;
  result.frames = judged.frames.size();
  if (result.comparison.verdict != StackVerdict::kEqual) {
    result.stacks = both_stacks(judged, *sample, meaning);
  }
  return result;
}

}  // namespace hostlens::tests
