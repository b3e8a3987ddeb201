// SPDX-License-Identifier: Apache-2.0
#include "discovery/argument_redaction.h"

#include <re2/re2.h>

#include <algorithm>
#include <string_view>

#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kMaxShown = 64;
constexpr size_t kMaxBytes = 256;
/// Looked at: more than is shown, so that a secret's mark is not cut off.
constexpr size_t kMaxBytesRead = 4096;

/// A name with one of the words that secrets go by.
constexpr char kSecretName[] =
    R"([\w.-]*(?:pass|pwd|secret|token|key|auth|cred|cookie|session|sign|private|dsn|jwt)[\w.-]*)";

struct Expressions {
  RE2 user_of_url{R"((\b[a-zA-Z][\w+.-]*://)[^/@\s"']*@)"};
  RE2 query_of_url{R"((\b[a-zA-Z][\w+.-]*://[^?\s"']*\?)[^\s"']+)"};
  RE2 web_token{R"(\beyJ[\w-]+\.[\w-]+\.[\w-]*)"};
  /// A header is secret to its end: `Authorization: Bearer x`.
  RE2 header{std::string("(?i)\\b(") + kSecretName + R"(:\s+)[^"']+)"};
  RE2 assignment{std::string("(?i)(") + kSecretName +
                 R"re(["']?\s*[=:]\s*)("[^"]*"?|'[^']*'?|[^\s"']+))re"};
  RE2 option_and_value{std::string("(?i)(--?") + kSecretName +
                       R"re(\s+)("[^"]*"?|'[^']*'?|[^\s"'-][^\s"']*))re"};
  RE2 option{std::string("(?i)--?") + kSecretName};
};

const Expressions& expressions() {
  static const Expressions all;
  return all;
}

std::string redact(std::string text) {
  const Expressions& all = expressions();
  RE2::GlobalReplace(&text, all.user_of_url, R"(\1REDACTED@)");
  RE2::GlobalReplace(&text, all.query_of_url, R"(\1REDACTED)");
  RE2::GlobalReplace(&text, all.web_token, "REDACTED");
  RE2::GlobalReplace(&text, all.header, R"(\1REDACTED)");
  RE2::GlobalReplace(&text, all.assignment, R"(\1REDACTED)");
  RE2::GlobalReplace(&text, all.option_and_value, R"(\1REDACTED)");
  return text;
}

}  // namespace

std::vector<std::string> show_arguments(const std::vector<std::string>& arguments,
                                        ArgumentsMode mode) {
  std::vector<std::string> shown;
  if (mode == ArgumentsMode::kDrop) return shown;
  bool is_secret = false;  // says the option before it
  for (size_t i = 0; i < std::min(arguments.size(), kMaxShown); ++i) {
    if (mode == ArgumentsMode::kKeep) {
      shown.push_back(clean_text(arguments[i], kMaxBytes));
      continue;
    }
    const std::string text = clean_text(arguments[i], kMaxBytesRead);
    if (is_secret && !text.starts_with('-')) {
      shown.emplace_back("REDACTED");
      is_secret = false;
      continue;
    }
    is_secret = RE2::FullMatch(text, expressions().option);
    shown.push_back(clean_text(redact(text), kMaxBytes));
  }
  return shown;
}

}  // namespace hostlens::discovery
