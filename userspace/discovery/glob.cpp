// SPDX-License-Identifier: Apache-2.0
#include "discovery/glob.h"

#include <re2/re2.h>

namespace hostlens::discovery {
namespace {

/// Appends the bracket expression at pattern[at] and returns the index behind it, or `at` when it
/// does not end: then '[' stands for itself, as in the shell.
size_t append_bracket(std::string_view pattern, size_t at, std::string& expression) {
  size_t inner = at + 1;
  const bool negated = inner < pattern.size() && (pattern[inner] == '!' || pattern[inner] == '^');
  if (negated) ++inner;
  const size_t close = pattern.find(']', inner + 1);
  if (close == std::string_view::npos) return at;
  expression += negated ? "[^" : "[";
  for (const char c : pattern.substr(inner, close - inner)) {
    if (c == '[' || c == ']' || c == '\\' || c == '^' || c == '&') expression += '\\';
    expression += c;
  }
  expression += ']';
  return close + 1;
}

}  // namespace

base::Result<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.empty()) return base::invalid_error("empty pattern");
  if (pattern.size() > kMaxPatternBytes) {
    return base::invalid_error("pattern longer than 1024 bytes");
  }
  Glob glob;
  if (pattern.find_first_of("*?[\\") == std::string_view::npos) {
    glob.literal_ = pattern;
    return glob;
  }
  std::string expression;
  for (size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '[') {
      const size_t behind = append_bracket(pattern, at, expression);
      if (behind > at) {
        at = behind;
        continue;
      }
    }
    if (c == '*') {
      expression += ".*";
    } else if (c == '?') {
      expression += '.';
    } else {
      if (c == '\\' && at + 1 < pattern.size()) ++at;
      expression += RE2::QuoteMeta(pattern.substr(at, 1));
    }
    ++at;
  }
  RE2::Options options(RE2::Latin1);  // bytes, not characters: /proc promises no encoding
  options.set_dot_nl(true);
  options.set_never_capture(true);
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto compiled = std::make_shared<const RE2>(expression, options);
  if (!compiled->ok()) {
    return base::invalid_error("bad pattern \"" + std::string(pattern) +
                               "\": " + compiled->error());
  }
  glob.expression_ = std::move(compiled);
  return glob;
}

bool Glob::matches(std::string_view text) const {
  if (expression_ == nullptr) return text == literal_;
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *expression_);
}

}  // namespace hostlens::discovery
