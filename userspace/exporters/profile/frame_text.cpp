// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/frame_text.h"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <utility>

#include "base/utf8.h"
#include "model/waker.h"

namespace hostlens::exporters::profile {
namespace {

using model::Frame;

constexpr std::string_view kKernelSuffix = "_[k]";
constexpr const char* kEmptyThreadName = "[unnamed]";

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string nameless(const Frame& frame) {
  std::string_view module;
  if (frame.module != nullptr) {
    module = base_name(frame.module->path);
    // "[vdso]" stays one pair of brackets.
    if (module.starts_with('[') && module.ends_with(']'))
      module = module.substr(1, module.size() - 2);
  }
  if (module.empty()) module = frame.kind == Frame::Kind::kKernel ? "kernel" : "unknown";
  return fmt::format("[{}+0x{:x}]", line_safe(module), frame.address);
}

bool is_python_file(std::string_view file) {
  // "<string>" and "<frozen importlib._bootstrap>" are code without a file.
  return file.ends_with(".py") || (file.starts_with('<') && file.ends_with('>'));
}

/// "node:internal/timers" is a file of the runtime itself.
constexpr std::string_view kRuntimeFile = "node:";

std::string_view short_file(std::string_view file) {
  return file.starts_with(kRuntimeFile) ? file : base_name(file);
}

}  // namespace

std::string line_safe(std::string_view text) {
  std::string line;
  base::assign_utf8(line, text);
  for (char& c : line) {
    if (c == ';') c = ':';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  // Of what is left, characters that do more than stand there: C1 controls (terminals obey them),
  // line separators and marks of direction (they reorder what stands around a name), and U+FFFE and
  // U+FFFF, which may not be in XML.
  for (size_t i = 0; i < line.size(); i += base::utf8_length(std::string_view(line).substr(i))) {
    const std::string_view rest = std::string_view(line).substr(i);
    const auto byte = [&rest](size_t at) { return static_cast<unsigned char>(rest[at]); };
    if (rest[0] == '\xC2' && byte(1) < 0xA0) line.replace(i, 2, "  ");
    if ((rest.starts_with("\xE2\x80") &&
         (byte(2) == 0x8E || byte(2) == 0x8F || (byte(2) >= 0xA8 && byte(2) <= 0xAE))) ||
        (rest.starts_with("\xE2\x81") && byte(2) >= 0xA6 && byte(2) <= 0xA9) ||
        (rest.starts_with("\xEF\xBF") && byte(2) >= 0xBE)) {
      line.replace(i, 3, "\xEF\xBF\xBD");
    }
  }
  return line;
}

std::string frame_text(const Frame& frame) {
  std::string text = frame.function == nullptr ? nameless(frame) : line_safe(frame.function->name);
  if (frame.kind == Frame::Kind::kKernel) text += kKernelSuffix;
  const bool has_file =
      frame.kind == Frame::Kind::kPython || frame.kind == Frame::Kind::kJavaScript;
  if (has_file && frame.function != nullptr && !frame.function->file.empty()) {
    text += " (" + line_safe(short_file(frame.function->file)) + ")";
  }
  return text;
}

bool is_javascript_file(std::string_view file) {
  return file.starts_with(kRuntimeFile) || file.ends_with(".js") || file.ends_with(".mjs") ||
         file.ends_with(".cjs") || file.ends_with(".ts");
}

Look look_of(const Frame& frame) {
  if (frame.function == nullptr) {
    return frame.kind == Frame::Kind::kKernel ? Look::kKernel : Look::kNameless;
  }
  switch (frame.kind) {
    case Frame::Kind::kUnknown:
      return Look::kMark;
    case Frame::Kind::kNative:
      return Look::kNative;
    case Frame::Kind::kKernel:
      return Look::kKernel;
    case Frame::Kind::kGo:
      return Look::kGo;
    case Frame::Kind::kPython:
      return Look::kPython;
    case Frame::Kind::kJava:
      return Look::kJava;
    case Frame::Kind::kJavaScript:
      return Look::kJavaScript;
    case Frame::Kind::kJit:
      return Look::kJit;
  }
  return Look::kMark;
}

Frame frame_of_text(std::string_view text) {
  Frame frame;
  frame.kind = Frame::Kind::kNative;
  if (text.ends_with(kKernelSuffix)) {
    frame.kind = Frame::Kind::kKernel;
    text.remove_suffix(kKernelSuffix.size());
  }
  if (text.starts_with('[') && text.ends_with(']')) {
    const size_t plus = text.rfind("+0x");
    if (plus == std::string_view::npos) {
      // The kernel's "[k]" is no mark of ours: it has a suffix.
      Frame mark = model::mark_frame(std::string(text));
      if (frame.kind == Frame::Kind::kKernel) mark.kind = frame.kind;
      return mark;
    }
    const char* const end = text.data() + text.size() - 1;
    uint64_t address = 0;
    const auto [stop, error] = std::from_chars(text.data() + plus + 3, end, address, 16);
    if (error == std::errc{} && stop == end) {
      auto module = std::make_shared<model::Module>();
      module->path = text.substr(1, plus - 1);
      frame.module = std::move(module);
      frame.address = address;
      return frame;
    }
  }
  auto function = std::make_shared<model::Function>();
  if (const size_t open = text.rfind(" ("); frame.kind == Frame::Kind::kNative &&
                                            text.ends_with(')') && open != std::string_view::npos &&
                                            open > 0) {
    const std::string_view file = text.substr(open + 2, text.size() - open - 3);
    const bool python = is_python_file(file);
    if (python || is_javascript_file(file)) {
      frame.kind = python ? Frame::Kind::kPython : Frame::Kind::kJavaScript;
      function->file = file;
      text = text.substr(0, open);
    }
  }
  function->name = text;
  frame.function = std::move(function);
  return frame;
}

PathTexts::PathTexts(const model::Profile& profile) : profile_(profile) {
  frame_texts_.reserve(profile.frames().size());
  for (const Frame& frame : profile.frames()) {
    frame_texts_.push_back(frame_text(frame));
    frames_.push_back({frame_texts_.back(), look_of(frame), &frame});
  }
  for (const model::ProfileLabels& labels : profile.labels()) {
    threads_.push_back(labels.thread_name.empty() ? kEmptyThreadName
                                                  : line_safe(labels.thread_name));
    causes_.push_back(labels.cause.empty() ? "" : "[" + line_safe(labels.cause) + "]");
  }
}

void PathTexts::path_of(const model::Profile::Entry& entry, std::vector<PathStep>& path) const {
  path.clear();
  const bool overflow =
      entry.labels == model::Profile::kNoLabels && entry.stack == model::Profile::kOverflowStack;
  if (!overflow) path.push_back({threads_[entry.labels], Look::kThread, nullptr});
  profile_.frames_of(entry.stack, leaf_first_);
  for (size_t i = leaf_first_.size(); i-- > 0;) path.push_back(frames_[leaf_first_[i]]);
  const size_t cause =
      profile_.labels()[entry.labels].waker.empty()
          ? path.size()
          : model::waker_begin(path.size(), [&](size_t i) { return path[i].text; });
  if (cause < path.size()) {
    path[cause].frame = nullptr;
    for (size_t i = cause + 1; i < path.size(); ++i) path[i].of_waker = true;
  } else if (!causes_[entry.labels].empty()) {
    path.push_back({causes_[entry.labels], Look::kMark, nullptr});
  }
}

}  // namespace hostlens::exporters::profile
