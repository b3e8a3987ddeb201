// SPDX-License-Identifier: Apache-2.0
#include "checks/http_request.h"

#include <curl/curl.h>
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/utf8.h"

namespace hostlens::checks {
namespace {

constexpr size_t kMostBody = 64 * 1024;
constexpr size_t kMostHeader = 512;

struct Reception {
  HttpAnswer answer;
  const Deadline* deadline;
};

size_t take_body(char* bytes, size_t, size_t count, void* context) {
  std::string& body = static_cast<Reception*>(context)->answer.body;
  body.append(bytes, std::min(count, kMostBody - body.size()));
  return body.size() == kMostBody ? 0 : count;  // enough: ends the transfer
}

size_t take_header(char* bytes, size_t, size_t count, void* context) {
  HttpAnswer& answer = static_cast<Reception*>(context)->answer;
  std::string_view line(bytes, count);
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return count;
  const std::string name(line.substr(0, colon));
  line.remove_prefix(colon + 1);
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  line = line.substr(0, kMostHeader);
  if (::strcasecmp(name.c_str(), "grpc-status") == 0) answer.grpc_status = line;
  if (::strcasecmp(name.c_str(), "grpc-message") == 0) answer.grpc_message = line;
  return count;
}

int is_cancelled(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Reception*>(context)->deadline->left_ns() == 0 ? 1 : 0;
}

std::string error_name(CURLcode code, long os_error) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_ABORTED_BY_CALLBACK:
      return "timeout";
    case CURLE_COULDNT_RESOLVE_HOST:
      return "EAI_NONAME";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "certificate";
    case CURLE_COULDNT_CONNECT:
      if (const char* name = ::strerrorname_np(static_cast<int>(os_error)); name != nullptr) {
        return os_error != 0 ? name : "connect";
      }
      return "connect";
    default:
      return "curl_" + std::to_string(static_cast<int>(code));
  }
}

}  // namespace

std::variant<HttpAnswer, model::CheckResult> http_request(const HttpRequest& request,
                                                          const Deadline& deadline) {
  const std::unique_ptr<CURL, void (*)(CURL*)> owner(::curl_easy_init(), ::curl_easy_cleanup);
  CURL* const curl = owner.get();
  if (curl == nullptr) return failed("curl", "libcurl does not start");
  curl_slist* list = nullptr;
  for (const std::string& header : request.headers)
    list = ::curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, ::curl_slist_free_all);
  Reception reception{{}, &deadline};
  char problem[CURL_ERROR_SIZE] = "";
  const long version = !request.http2                        ? CURL_HTTP_VERSION_1_1
                       : request.url.starts_with("https://") ? CURL_HTTP_VERSION_2TLS
                                                             : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
  ::curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, version);
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_PROXY, "");
  ::curl_easy_setopt(curl, CURLOPT_USERAGENT, "hostlens-check");
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max(deadline.left_ms(), 1)));
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reception);
  ::curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  ::curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reception);
  ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_cancelled);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &reception);
  if (list != nullptr) ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
  if (!request.body.empty()) {
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
  }
  const CURLcode code = ::curl_easy_perform(curl);
  const bool cut = code == CURLE_WRITE_ERROR && reception.answer.body.size() == kMostBody;
  if (code != CURLE_OK && !cut) {
    long os_error = 0;
    ::curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
    return failed(error_name(code, os_error),
                  request.url + ": " + (problem[0] != 0 ? problem : ::curl_easy_strerror(code)));
  }
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reception.answer.status);
  return std::move(reception.answer);
}

}  // namespace hostlens::checks
