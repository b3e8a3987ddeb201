// SPDX-License-Identifier: Apache-2.0
// One HTTP transfer at a time by libcurl, which another thread can end.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hostlens::base {

/// Keeps its connections. One thread at a time, but for cancel_at.
class WebTransfer {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// kIo: libcurl does not start. Speaks HTTP/1.1 over http and https alone; TLS trusts the
  /// system's authorities, proxies are those of the environment as libcurl reads it.
  [[nodiscard]] static Result<std::unique_ptr<WebTransfer>> create(std::string_view user_agent);

  /// For all else that is to be set; owned by this.
  [[nodiscard]] CURL* easy() { return easy_.get(); }
  /// One more of the request, for all transfers to come: "Name: value", "Name;" with an empty
  /// value, "Name:" for one that libcurl would send.
  void add_header(const std::string& line);

  struct End {
    bool cancelled = false;
    CURLcode code = CURLE_OK;  ///< without a meaning when it was cancelled
    int status = 0;            ///< of HTTP, 0: none came
    int errno_value = 0;       ///< of the system call behind `code`, 0: unknown
  };
  /// Blocks until it has ended.
  [[nodiscard]] End run();
  /// No transfer goes on after this. Any thread, also while `run` does.
  void cancel_at(TimePoint time);

 private:
  struct EasyEnd {
    void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
  };
  struct MultiEnd {
    void operator()(CURLM* handle) const { ::curl_multi_cleanup(handle); }
  };
  struct ListEnd {
    void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
  };

  WebTransfer() = default;
  [[nodiscard]] std::chrono::milliseconds until_cancel() const;

  // The easy handle goes before the multi handle that keeps the connections.
  std::unique_ptr<CURLM, MultiEnd> multi_;
  std::unique_ptr<CURL, EasyEnd> easy_;
  std::unique_ptr<curl_slist, ListEnd> headers_;
  std::atomic<TimePoint::rep> cancel_at_{std::numeric_limits<TimePoint::rep>::max()};
};

/// Why it failed, the same words for the same cause. `end` was not cancelled.
[[nodiscard]] std::string failure_text(const WebTransfer::End& end);

/// Whether it is http(s)://HOST..., without blanks; no more than this is checked.
[[nodiscard]] bool is_web_url(std::string_view text);

/// A URL as it may be shown: without user, password and query. kInvalid: none of http or https.
[[nodiscard]] Result<std::string> shown_url(const std::string& url);

}  // namespace hostlens::base
