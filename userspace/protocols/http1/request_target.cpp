// SPDX-License-Identifier: Apache-2.0
#include "protocols/http1/request_target.h"

#include <algorithm>

#include "protocols/http1/head.h"

namespace hostlens::protocols::http1 {
namespace {

std::string_view without_user(std::string_view authority) {
  const size_t at = authority.rfind('@');
  return at == std::string_view::npos ? authority : authority.substr(at + 1);
}

}  // namespace

void split_target(std::string_view target, size_t limit, model::HttpMessage& http) {
  if (target.size() > limit) {
    target = target.substr(0, limit);
    http.target_truncated = true;
  }
  if (std::string_view(http.method) == "CONNECT") {
    http.host = without_user(target).substr(0, HeadFields::kTextBytes);
    return;
  }
  std::string_view rest = target;
  const size_t scheme_end = target.front() == '/' ? std::string_view::npos : target.find("://");
  if (scheme_end != std::string_view::npos && scheme_end <= 8) {
    http.scheme = target.substr(0, scheme_end);
    rest = target.substr(scheme_end + 3);
    const size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
    http.host = without_user(rest.substr(0, slash)).substr(0, HeadFields::kTextBytes);
    rest = rest.substr(slash);
  }
  rest = rest.substr(0, rest.find('#'));
  const size_t question = rest.find('?');
  http.path = rest.substr(0, question);
  if (question != std::string_view::npos) http.query = rest.substr(question + 1);
  // RFC 9112 3.2.1: an absolute form with an empty path means "/".
  if (http.path.empty()) http.path.assign(1, '/');
}

}  // namespace hostlens::protocols::http1
