// SPDX-License-Identifier: Apache-2.0
#include "base/web_transfer.h"

#include <strings.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace hostlens::base {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr size_t kLongestUrl = 2048;

struct UrlEnd {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};
struct TextEnd {
  void operator()(char* text) const { ::curl_free(text); }
};

bool start_curl() {
  static const bool started = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

}  // namespace

Result<std::unique_ptr<WebTransfer>> WebTransfer::create(std::string_view user_agent) {
  std::unique_ptr<WebTransfer> transfer(new WebTransfer);
  if (start_curl()) {
    transfer->multi_.reset(::curl_multi_init());
    transfer->easy_.reset(::curl_easy_init());
  }
  if (transfer->multi_ == nullptr || transfer->easy_ == nullptr) {
    return errno_error("libcurl", ENOMEM);
  }
  CURL* easy = transfer->easy();
  ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  ::curl_easy_setopt(easy, CURLOPT_USERAGENT, std::string(user_agent).c_str());
  ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // Who ends us does not wait for a name server.
  ::curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  return transfer;
}

void WebTransfer::add_header(const std::string& line) {
  curl_slist* longer = ::curl_slist_append(headers_.get(), line.c_str());
  if (longer == nullptr) return;
  (void)headers_.release();
  headers_.reset(longer);
  ::curl_easy_setopt(easy(), CURLOPT_HTTPHEADER, longer);
}

milliseconds WebTransfer::until_cancel() const {
  const TimePoint at{TimePoint::duration(cancel_at_.load())};
  const TimePoint now = std::chrono::steady_clock::now();
  // One step is at most a second: libcurl's own time-outs need the loop to turn.
  if (at > now + std::chrono::seconds(1)) return milliseconds(1000);
  return std::max(milliseconds(0), duration_cast<milliseconds>(at - now));
}

WebTransfer::End WebTransfer::run() {
  ::curl_multi_add_handle(multi_.get(), easy());
  int running = 1;
  while (running != 0) {
    if (::curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
    if (running == 0) break;
    const milliseconds left = until_cancel();
    if (left.count() == 0) break;
    ::curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(left.count()), nullptr);
  }
  End end;
  end.cancelled = running != 0;
  end.code = CURLE_FAILED_INIT;  // unless a message tells
  int left = 0;
  while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    end.code = message->data.result;
    long number = 0;
    ::curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &number);
    end.status = static_cast<int>(number);
    number = 0;
    ::curl_easy_getinfo(easy(), CURLINFO_OS_ERRNO, &number);
    end.errno_value = static_cast<int>(number);
  }
  ::curl_multi_remove_handle(multi_.get(), easy());
  return end;
}

void WebTransfer::cancel_at(TimePoint time) {
  cancel_at_.store(time.time_since_epoch().count());
  ::curl_multi_wakeup(multi_.get());
}

std::string failure_text(const WebTransfer::End& end) {
  std::string text = ::curl_easy_strerror(end.code);
  if (end.code == CURLE_COULDNT_CONNECT && end.errno_value != 0) {
    text += std::string(" (") + std::strerror(end.errno_value) + ")";
  }
  return text;
}

bool is_web_url(std::string_view text) {
  if (!text.starts_with("http://") && !text.starts_with("https://")) return false;
  const size_t host = text.find("://") + 3;
  return host < text.size() && text[host] != '/' && text.size() <= kLongestUrl &&
         text.find_first_of(" \t\r\n") == std::string_view::npos;
}

Result<std::string> shown_url(const std::string& text) {
  const std::unique_ptr<CURLU, UrlEnd> url(::curl_url());
  if (url == nullptr || ::curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return invalid_error(text + ": not a URL");
  }
  char* raw = nullptr;
  ::curl_url_get(url.get(), CURLUPART_SCHEME, &raw, 0);
  const std::unique_ptr<char, TextEnd> scheme(raw);
  if (scheme == nullptr || (::strcasecmp(raw, "http") != 0 && ::strcasecmp(raw, "https") != 0)) {
    return invalid_error("scheme of the URL: http and https are spoken");
  }
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY}) {
    ::curl_url_set(url.get(), part, nullptr, 0);
  }
  raw = nullptr;
  ::curl_url_get(url.get(), CURLUPART_URL, &raw, 0);
  const std::unique_ptr<char, TextEnd> shown(raw);
  return std::string(shown == nullptr ? "" : shown.get());
}

}  // namespace hostlens::base
