// SPDX-License-Identifier: Apache-2.0
// How frames read in the text outputs (folded stacks, speedscope, flame graphs): one line each,
// UTF-8, without ';'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/profile.h"

namespace hostlens::exporters::profile {

/// What colours a frame.
enum class Look : uint8_t {
  kThread,
  kMark,  ///< "[disk]", "[truncated]", "[other]"
  kNameless,
  kNative,
  kKernel,
  kGo,
  kPython,
  kJava,
  kJavaScript,
  kJit,
};
inline constexpr size_t kLooks = 10;

/// Strangers' text as one line that may stand between two ';'. ';' itself becomes ':'.
[[nodiscard]] std::string line_safe(std::string_view text);

/// "name", "name_[k]" in the kernel, "qualname (file.py)" for Python, "name (file.js)" for
/// JavaScript,
/// "[module+0xoffset]" without a name.
[[nodiscard]] std::string frame_text(const model::Frame& frame);
/// By its ending, or Node.js' own "node:fs".
[[nodiscard]] bool is_javascript_file(std::string_view file);
[[nodiscard]] Look look_of(const model::Frame& frame);
/// The frame that frame_text() wrote, as far as the text tells.
[[nodiscard]] model::Frame frame_of_text(std::string_view text);

/// One step on the way from the root to the leaf of an entry. Views of the texts of a PathTexts.
struct PathStep {
  std::string_view text;
  Look look = Look::kThread;
  const model::Frame* frame = nullptr;  ///< null for the thread and the cause
  bool of_waker = false;                ///< behind the cause: no code that the thread was in
};

/// The texts of all frames of a profile, each made once. The profile must outlive it.
class PathTexts {
 public:
  explicit PathTexts(const model::Profile& profile);
  PathTexts(const PathTexts&) = delete;
  PathTexts& operator=(const PathTexts&) = delete;

  /// Root first: the thread's name, frames, off-CPU the cause, and where a waker is known "--", its
  /// frames from the leaf on and its name. "[other]" is alone.
  void path_of(const model::Profile::Entry& entry, std::vector<PathStep>& path) const;

 private:
  const model::Profile& profile_;
  std::vector<PathStep> frames_;
  std::vector<std::string> frame_texts_;
  std::vector<std::string> threads_;  ///< by labels, as the causes
  std::vector<std::string> causes_;
  mutable std::vector<model::Profile::Id> leaf_first_;
};

}  // namespace hostlens::exporters::profile
