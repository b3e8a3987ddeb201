// SPDX-License-Identifier: Apache-2.0
// One POST over a kept connection, by libcurl.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "exporters/otlp/settings.h"
#include "exporters/time_source.h"

namespace hostlens::exporters::otlp {

/// What came back. Text and body are a stranger's bytes, bounded.
struct HttpReply {
  enum class End { kAnswered, kFailed, kCancelled };
  End end = End::kFailed;
  int status = 0;
  bool body_too_large = false;
  std::string body;
  std::string retry_after;  ///< header value as sent
  std::string error;        ///< kFailed: why, the same words for the same cause
};

/// TLS trusts the system's authorities; proxies are those of the environment as libcurl reads it.
/// Redirects are not followed: headers may hold credentials.
class HttpSender {
 public:
  static constexpr size_t kReplyBytes = 4U << 20;  ///< limit that OTLP 1.11 recommends

  /// kInvalid when the URL is none of http(s) or a header holds line breaks.
  [[nodiscard]] static base::Result<std::unique_ptr<HttpSender>> create(
      const SignalSettings& settings, std::string_view user_agent);
  ~HttpSender();

  /// Blocks for one attempt, at most the settings' timeout. One thread at a time.
  [[nodiscard]] HttpReply post(std::string_view body);
  /// No attempt goes on after this. Any thread, also while `post` runs.
  void cancel_at(TimePoint time);
  /// The URL without user, password and query, for messages.
  [[nodiscard]] const std::string& destination() const;

 private:
  struct Impl;
  explicit HttpSender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hostlens::exporters::otlp
