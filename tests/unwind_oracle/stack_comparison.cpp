// SPDX-License-Identifier: Apache-2.0
#include "unwind_oracle/stack_comparison.h"

#include <algorithm>
#include <cstdio>

namespace hostlens::tests {
namespace {

using decoders::ProfileFrame;
using decoders::ProfileSample;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string place_text(const std::string& file, uint64_t address, bool is_exact) {
  char text[32];
  std::snprintf(text, sizeof text, "%#lx", address);
  return (file.empty() ? std::string() : base_name(file) + "+") + text + (is_exact ? "!" : "");
}

std::string text_of(const JudgedFrame& frame) {
  return place_text(frame.module, frame.address, frame.is_exact);
}

std::string text_of(const ProfileFrame& frame, const FrameMeaning& meaning) {
  if (frame.kind != PROFILE_FRAME_FILE) {
    return place_text(frame.kind == PROFILE_FRAME_ANONYMOUS ? "" : "nowhere", frame.address,
                      !frame.is_return);
  }
  const std::string path = meaning.path_of(frame.executable);
  return place_text(path.empty() ? "?" : path, frame.address, !frame.is_return);
}

/// The same file and address in it, by libdwfl's own knowledge of modules, or at least the same
/// address in the process.
bool is_same_place(const JudgedFrame& judged, const ProfileFrame& frame,
                   const FrameMeaning& meaning) {
  if (frame.kind != PROFILE_FRAME_FILE) return judged.pc == frame.address;
  if (meaning.is_at(frame, judged.pc)) return true;
  if (judged.module.empty() || judged.address != frame.address) return false;
  // The kernel's own ([vdso], [vsyscall]) have no path that both would know.
  const std::string path = meaning.path_of(frame.executable);
  return judged.module.front() != '/' || path.empty() ||
         base_name(path) == base_name(judged.module);
}

/// Of a method that HotSpot interprets our frame has the method, and libdwfl where in the
/// interpreter it is: code without a file.
bool is_interpreted(const ProfileFrame& frame) {
  return frame.kind == PROFILE_FRAME_JAVA && frame.java == HOTSPOT_FRAME_INTERPRETED;
}

/// libdwfl has one more exact frame than we: the signal trampoline, which nobody has called.
bool is_same(const JudgedFrame& judged, const ProfileFrame& frame, const FrameMeaning& meaning) {
  if (is_interpreted(frame)) return judged.module.empty();
  return (judged.is_exact || frame.is_return) && is_same_place(judged, frame, meaning);
}

bool is_broken(profile_outcome outcome) {
  return outcome != PROFILE_COMPLETE && outcome != PROFILE_ENDED;
}

StackVerdict verdict_of(const JudgedStack& judged, const ProfileSample& sample, size_t equal) {
  const size_t theirs = judged.frames.size();
  const size_t ours = sample.frames.size();
  const bool through_made_code = std::any_of(
      sample.frames.begin(), sample.frames.begin() + static_cast<ptrdiff_t>(equal),
      [](const ProfileFrame& frame) {
        return frame.kind == PROFILE_FRAME_ANONYMOUS || frame.kind == PROFILE_FRAME_JAVA;
      });
  if (equal == ours && sample.outcome == PROFILE_TRUNCATED) return StackVerdict::kTruncated;
  const bool whole = equal == theirs && equal == ours;
  if (whole && judged.error.empty() && !is_broken(sample.outcome)) return StackVerdict::kEqual;
  if (through_made_code) return StackVerdict::kToMadeCode;
  // Both come to the same address where no code is: Go's DWARF does not tell where a thread begins.
  if (whole && !judged.error.empty() && is_broken(sample.outcome)) return StackVerdict::kEqual;
  if (equal > 0 && judged.frames[equal - 1].is_astray) return StackVerdict::kJudgeLost;
  // It may have gone on past a function that nobody has called.
  const bool ours_whole = equal == ours && !is_broken(sample.outcome);
  if ((equal == theirs || ours_whole) && !judged.error.empty()) return StackVerdict::kJudgeLost;
  return StackVerdict::kDifferent;
}

}  // namespace

StackComparison compare_stacks(const JudgedStack& judged, const ProfileSample& sample,
                               const FrameMeaning& meaning) {
  StackComparison comparison;
  const size_t both = std::min(judged.frames.size(), sample.frames.size());
  size_t& equal = comparison.equal_frames;
  while (equal < both && is_same(judged.frames[equal], sample.frames[equal], meaning)) ++equal;
  comparison.verdict = verdict_of(judged, sample, equal);
  if (comparison.verdict == StackVerdict::kEqual) return comparison;
  comparison.difference =
      (equal == 0 ? "leaf" : text_of(judged.frames[equal - 1])) + ": libdwfl " +
      (equal < judged.frames.size() ? text_of(judged.frames[equal])
       : judged.error.empty()       ? "ends"
                                    : "ends: " + judged.error) +
      ", Hostlens " +
      (equal < sample.frames.size() ? text_of(sample.frames[equal], meaning)
                                    : "ends: outcome " + std::to_string(sample.outcome));
  return comparison;
}

std::string both_stacks(const JudgedStack& judged, const ProfileSample& sample,
                        const FrameMeaning& meaning) {
  std::string text;
  for (size_t i = 0; i < std::max(judged.frames.size(), sample.frames.size()); ++i) {
    text += "    " + (i < judged.frames.size() ? text_of(judged.frames[i]) : "-") + "  " +
            (i < sample.frames.size() ? text_of(sample.frames[i], meaning) : "-") + "\n";
  }
  return text + "    libdwfl: " + (judged.error.empty() ? "whole" : judged.error) +
         "; Hostlens: " + "outcome " + std::to_string(sample.outcome) +
         (sample.guessed ? ", guessed" : "") + "\n";
}

}  // namespace hostlens::tests
