// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/python_stack.h"

#include <algorithm>
#include <utility>

namespace hostlens::symbols {
namespace {

/// [begin, end) of the list of Python frames, leaf first.
struct Run {
  size_t begin = 0;
  size_t end = 0;
};

/// Of frames that C called, the last run may be without its entry.
std::vector<Run> runs_of(std::span<const decoders::PythonFrame> frames) {
  std::vector<Run> runs;
  size_t begin = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (!frames[i].is_entry && i + 1 < frames.size()) continue;
    runs.push_back({begin, i + 1});
    begin = i + 1;
  }
  return runs;
}

class Joiner {
 public:
  explicit Joiner(std::span<const decoders::PythonFrame> frames) : frames_(frames) {}

  void native(size_t index) { joined_.parts.push_back({false, index}); }
  /// How many frames it has that are shown.
  size_t python(const Run& run) {
    size_t shown = 0;
    for (size_t i = run.begin; i < run.end; ++i) {
      if (frames_[i].code == 0) continue;  // a mark for the place where C called
      joined_.parts.push_back({true, i});
      ++shown;
    }
    return shown;
  }
  JoinedStack joined_;

 private:
  std::span<const decoders::PythonFrame> frames_;
};

}  // namespace

JoinedStack join_python_stack(const std::vector<bool>& is_eval,
                              std::span<const decoders::PythonFrame> frames, bool whole) {
  const std::vector<Run> runs = runs_of(frames);
  const auto loops = static_cast<size_t>(std::count(is_eval.begin(), is_eval.end(), true));
  const size_t more_loops = whole && loops > runs.size() ? loops - runs.size() : 0;
  const size_t more_runs = whole && runs.size() > loops ? runs.size() - loops : 0;
  Joiner joiner(frames);
  // Runs without a loop of their own are called by what is next to them towards the root.
  size_t next = 0;
  const auto leftover = [&](size_t end) {
    for (; next < end; ++next) joiner.joined_.python_left += joiner.python(runs[next]);
  };
  if (whole && loops == 0) leftover(runs.size());  // the root is whole without them
  size_t loop = 0;
  for (size_t i = 0; i < is_eval.size(); ++i) {
    if (!is_eval[i]) {
      joiner.native(i);
      continue;
    }
    const bool has_run = loop++ >= more_loops && next < runs.size();
    if (has_run) leftover(std::max(next, more_runs));
    if (has_run && joiner.python(runs[next++]) != 0) continue;
    joiner.native(i);
    ++joiner.joined_.native_left;
  }
  leftover(runs.size());
  return std::move(joiner.joined_);
}

}  // namespace hostlens::symbols
