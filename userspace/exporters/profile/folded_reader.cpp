// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <unordered_map>

#include "exporters/profile/folded.h"
#include "exporters/profile/frame_text.h"
#include "model/waker.h"

namespace hostlens::exporters::profile {
namespace {

constexpr size_t kMostLineBytes = 1U << 20U;
constexpr size_t kMostNameBytes = 16U << 10U;  ///< what is behind it is cut off
/// Names that are remembered to be shared; a file of more still reads, only slower.
constexpr size_t kMostRemembered = 1U << 18U;

/// Leaves that only off-CPU stacks have: hostlens.thread.blocked.duration, the run queue, and what
/// is under the threshold. Not "[other]", which every profile may hold.
constexpr std::array<std::string_view, 10> kCauses{"[disk]",       "[network]", "[lock]", "[timer]",
                                                   "[page_fault]", "[poll]",    "[ipc]",  "[wait]",
                                                   "[runqueue]",   "[short]"};

bool is_cause(std::string_view frame) {
  return std::find(kCauses.begin(), kCauses.end(), frame) != kCauses.end();
}

/// The last frame; empty ones are not read, so they are not counted here either.
std::string_view leaf_of(std::string_view stack) {
  stack = stack.substr(0, stack.find_last_not_of(';') + 1);
  const size_t last = stack.rfind(';');
  return last == std::string_view::npos ? std::string_view{} : stack.substr(last + 1);
}

/// Where a waker stands behind a cause in such a stack: "--". npos: nowhere.
size_t waker_mark(std::string_view stack) {
  const std::string mark = fmt::format(";{};", model::kWakerMark);
  for (size_t at = stack.find(mark); at != std::string_view::npos; at = stack.find(mark, at + 1)) {
    if (stack.find_first_not_of(';', at + mark.size()) == std::string_view::npos) break;
    const std::string_view before = leaf_of(stack.substr(0, at));
    if (is_cause(before) || before == model::kOverflowMark) return at + 1;
  }
  return std::string_view::npos;
}

/// What the stack was not on a CPU for; empty: it may have been.
std::string_view cause_of(std::string_view stack) {
  const size_t mark = waker_mark(stack);
  return leaf_of(mark == std::string_view::npos ? stack : stack.substr(0, mark - 1));
}

struct Line {
  std::string_view stack;
  uint64_t weight = 0;
};

base::Result<Line> split(std::string_view text, size_t number) {
  if (text.size() > kMostLineBytes) {
    return base::invalid_error(fmt::format("line {} is longer than 1 MiB", number));
  }
  const size_t space = text.rfind(' ');
  Line line;
  if (space != std::string_view::npos && space > 0) {
    line.stack = text.substr(0, space);
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + space + 1, end, line.weight);
    if (error == std::errc{} && stop == end) return line;
  }
  return base::invalid_error(fmt::format(
      "line {} does not end in a space and a whole number, so it is no folded stack", number));
}

/// Calls `visit` for each line that is not empty, until it is refused.
template <typename Visit>
base::Result<void> each_line(std::string_view text, Visit visit) {
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.ends_with('\r')) part.remove_suffix(1);
    if (part.empty()) continue;
    auto line = split(part, number);
    if (!line) return std::move(line).error();
    visit(*line);
  }
  return {};
}

/// Frames by their text, so that equal ones share their function.
class FrameTable {
 public:
  const model::Frame& operator()(std::string_view text) {
    text = text.substr(0, kMostNameBytes);
    const auto found = frames_.find(text);
    if (found != frames_.end()) return found->second;
    if (frames_.size() >= kMostRemembered) frames_.clear();
    // Made safe first: what is not would be when it is written, and might be another frame then.
    return frames_.emplace(text, frame_of_text(line_safe(text))).first->second;
  }

 private:
  std::unordered_map<std::string_view, model::Frame> frames_;  ///< views of the file
};

/// "thread;root;...;leaf" to the sample that was written like this.
void parse_stack(std::string_view stack, bool off_cpu, FrameTable& table, model::Sample& sample) {
  sample.stack = {};
  sample.thread_name.clear();
  sample.cause.clear();
  sample.waker.clear();
  sample.truncated = false;
  if (stack == model::kOverflowMark) {
    sample.stack.push(table(stack));
    return;
  }
  if (const std::string_view cause = cause_of(stack);
      off_cpu && (is_cause(cause) || cause == model::kOverflowMark)) {
    sample.cause = cause.substr(1, cause.size() - 2);
    if (waker_mark(stack) == std::string_view::npos) {
      stack = stack.substr(0, static_cast<size_t>(cause.data() - stack.data()) - 1);
    } else {  // with a waker the cause is one of the frames
      sample.waker = leaf_of(stack).substr(0, kMostNameBytes);
    }
  }
  const size_t thread_end = std::min(stack.find(';'), stack.size());
  sample.thread_name = stack.substr(0, std::min(thread_end, kMostNameBytes));
  stack.remove_prefix(std::min(thread_end + 1, stack.size()));
  std::vector<model::Frame> frames;
  while (!stack.empty()) {  // from the leaf
    const size_t before = stack.rfind(';');
    const size_t begin = before == std::string_view::npos ? 0 : before + 1;
    if (frames.size() == model::Profile::kMostFrames) {
      sample.truncated = true;
      break;
    }
    if (begin < stack.size()) frames.push_back(table(stack.substr(begin)));
    stack = stack.substr(0, before == std::string_view::npos ? 0 : before);
  }
  sample.stack = model::Stack::of(frames);
}

}  // namespace

base::Result<model::Profile> read_folded(std::string_view text, size_t max_bytes) {
  bool off_cpu = false;
  auto checked = each_line(text, [&off_cpu](const Line& line) {
    // A stack without weight is not written again, so it must not decide what the others mean.
    off_cpu = off_cpu || (line.weight > 0 && is_cause(cause_of(line.stack)));
  });
  if (!checked) return std::move(checked).error().with_context("folded stacks");

  model::Profile profile({.kind = off_cpu ? model::ProfileKind::kOffCpu : model::ProfileKind::kCpu,
                          .max_bytes = max_bytes});
  FrameTable table;
  model::Sample sample;
  const uint64_t unit = off_cpu ? 1000 : 1;
  checked = each_line(text, [&](const Line& line) {
    parse_stack(line.stack, off_cpu, table, sample);
    sample.weight = line.weight > std::numeric_limits<uint64_t>::max() / unit
                        ? std::numeric_limits<uint64_t>::max()
                        : line.weight * unit;
    profile.add(sample, off_cpu ? 1 : line.weight);
  });
  if (!checked) return std::move(checked).error();
  if (profile.total_weight() > std::numeric_limits<int64_t>::max()) {
    return base::invalid_error("folded stacks: the weights add up to more than 63 bits hold");
  }
  return profile;
}

}  // namespace hostlens::exporters::profile
