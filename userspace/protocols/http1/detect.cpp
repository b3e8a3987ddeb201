// SPDX-License-Identifier: Apache-2.0
#include "protocols/http1/detect.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace hostlens::protocols::http1 {
namespace {

constexpr size_t kLongestMethod = 20;
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2";
constexpr std::string_view kVersion = "HTTP/1.";

constexpr std::array<std::string_view, 17> kRegistered = {
    "GET ",   "POST ",    "PUT ",   "HEAD ",  "DELETE ",   "OPTIONS ",
    "PATCH ", "CONNECT ", "TRACE ", "QUERY ", "PROPFIND ", "PROPPATCH ",
    "MKCOL ", "COPY ",    "MOVE ",  "LOCK ",  "REPORT "};

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view skip_empty_lines(std::string_view bytes) {
  // RFC 9112 2.2: a server ignores empty lines before the request-line.
  while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) bytes.remove_prefix(1);
  return bytes;
}

}  // namespace

Verdict detect_request(std::string_view bytes) noexcept {
  bytes = skip_empty_lines(bytes);
  if (bytes.empty()) return Verdict::kNeedMore;
  if (!is_upper(bytes.front())) return Verdict::kNo;
  size_t length = 1;
  while (length < bytes.size() && length <= kLongestMethod &&
         (is_upper(bytes[length]) || bytes[length] == '-' || bytes[length] == '_')) {
    ++length;
  }
  if (length > kLongestMethod) return Verdict::kNo;
  if (length == bytes.size()) return Verdict::kNeedMore;
  if (bytes[length] != ' ' || length < 3) return Verdict::kNo;  // IANA: no method is shorter
  if (length + 1 == bytes.size()) return Verdict::kNeedMore;
  const char first = bytes[length + 1];
  if (first == '/') return Verdict::kYes;
  if (bytes.starts_with("PRI ")) {
    // An unknown method named PRI is fine, the preface of HTTP/2 is not.
    if (bytes.starts_with(kHttp2Preface)) return Verdict::kNo;
    return kHttp2Preface.starts_with(bytes) ? Verdict::kNeedMore : Verdict::kYes;
  }
  // RFC 9112 3.2: absolute-form, authority-form (CONNECT) or "*" (OPTIONS).
  const std::string_view method = bytes.substr(0, length);
  if (first == '*') return method == "OPTIONS" ? Verdict::kYes : Verdict::kNo;
  if (method == "CONNECT") return Verdict::kYes;
  const std::string_view target = bytes.substr(length + 1);
  for (const std::string_view scheme :
       {std::string_view("http://"), std::string_view("https://")}) {
    const size_t common = std::min(target.size(), scheme.size());
    if (target.substr(0, common) == scheme.substr(0, common)) {
      return common == scheme.size() ? Verdict::kYes : Verdict::kNeedMore;
    }
  }
  return Verdict::kNo;
}

bool starts_known_request(std::string_view bytes) noexcept {
  return detect_request(bytes) == Verdict::kYes &&
         std::any_of(kRegistered.begin(), kRegistered.end(), [bytes](std::string_view method) {
           return skip_empty_lines(bytes).starts_with(method);
         });
}

Verdict detect_response(std::string_view bytes) noexcept {
  const size_t common = std::min(bytes.size(), kVersion.size());
  if (bytes.substr(0, common) != kVersion.substr(0, common)) return Verdict::kNo;
  for (size_t i = kVersion.size(); i < std::min<size_t>(bytes.size(), 12); ++i) {
    if (i == 8 ? bytes[i] != ' ' : !is_digit(bytes[i])) return Verdict::kNo;
  }
  return bytes.size() >= 12 ? Verdict::kYes : Verdict::kNeedMore;
}

}  // namespace hostlens::protocols::http1
