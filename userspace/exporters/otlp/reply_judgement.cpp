// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/reply_judgement.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "google/rpc/status.pb.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h"
#include "opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"

namespace hostlens::exporters::otlp {
namespace {

using opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceResponse;
using opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceResponse;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;

/// A stranger's text for one line of a log.
std::string printable(std::string_view text) {
  constexpr size_t kLongest = 200;
  std::string shown;
  base::assign_utf8(shown, text.substr(0, kLongest));
  std::replace_if(
      shown.begin(), shown.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return shown;
}

std::optional<std::chrono::nanoseconds> parse_retry_after(const std::string& value,
                                                          int64_t unix_now_s) {
  if (value.empty()) return std::nullopt;
  constexpr int64_t kLongest =
      std::chrono::duration_cast<std::chrono::seconds>(kLongestRetryAfter).count();
  int64_t seconds = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, seconds);
  if (error == std::errc::result_out_of_range) {
    seconds = kLongest;
  } else if (error != std::errc() || stop != end) {
    const time_t date = ::curl_getdate(value.c_str(), nullptr);
    if (date < 0) return std::nullopt;
    seconds = static_cast<int64_t>(date) - unix_now_s;
  }
  return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kLongest));
}

void read_partial_success(int64_t rejected, const std::string& message, uint64_t items,
                          Judgement& judgement) {
  judgement.rejected = rejected <= 0 ? 0 : std::min(items, static_cast<uint64_t>(rejected));
  if (judgement.rejected != 0) {
    judgement.text = "a part was rejected: " + printable(message);
  } else if (!message.empty()) {
    judgement.text = "all was taken, with a warning: " + printable(message);
  }
}

Judgement taken(Signal signal, const HttpReply& reply, uint64_t items) {
  Judgement judgement;
  judgement.verdict = Judgement::Verdict::kDelivered;
  bool parsed = false;
  if (reply.body_too_large) {
    // The status came first and said success; what follows is not worth reading.
  } else if (signal == Signal::kTraces) {
    ExportTraceServiceResponse response;
    parsed = response.ParseFromString(reply.body);
    const auto& partial = response.partial_success();
    if (parsed) {
      read_partial_success(partial.rejected_spans(), partial.error_message(), items, judgement);
    }
  } else if (signal == Signal::kProfiles) {
    ExportProfilesServiceResponse response;
    parsed = response.ParseFromString(reply.body);
    const auto& partial = response.partial_success();
    if (parsed) {
      // It counts profiles, not samples: which ones it refused, it does not say.
      const int64_t rejected = partial.rejected_profiles() > 0 ? static_cast<int64_t>(items) : 0;
      read_partial_success(rejected, partial.error_message(), items, judgement);
    }
  } else {
    ExportMetricsServiceResponse response;
    parsed = response.ParseFromString(reply.body);
    const auto& partial = response.partial_success();
    if (parsed) {
      read_partial_success(partial.rejected_data_points(), partial.error_message(), items,
                           judgement);
    }
  }
  if (!parsed) {
    judgement.text = "status " + std::to_string(reply.status) +
                     " with a body that is not OTLP: is this a collector's address?";
  }
  return judgement;
}

std::string refusal_text(const HttpReply& reply) {
  std::string text = "status " + std::to_string(reply.status);
  if (reply.status >= 300 && reply.status < 400) {
    return text + ", a redirect: they are not followed, set the final address";
  }
  google::rpc::Status status;
  if (!reply.body_too_large && status.ParseFromString(reply.body) && !status.message().empty()) {
    text += ": " + printable(status.message());
  }
  return text;
}

}  // namespace

std::string_view to_string(Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return "traces";
    case Signal::kMetrics:
      return "metrics";
    case Signal::kProfiles:
      return "profiles";
  }
  return {};
}

Judgement judge(Signal signal, const HttpReply& reply, uint64_t items, int64_t unix_now_s) {
  Judgement judgement;
  if (reply.end != HttpReply::End::kAnswered) {
    judgement.verdict = Judgement::Verdict::kRetry;
    judgement.text = reply.error;
    return judgement;
  }
  if (reply.status >= 200 && reply.status < 300) return taken(signal, reply, items);
  judgement.text = refusal_text(reply);
  // An answer above the limit is final whatever its status: so says the specification.
  const bool retryable = !reply.body_too_large && (reply.status == 429 || reply.status == 502 ||
                                                   reply.status == 503 || reply.status == 504);
  if (retryable) {
    judgement.verdict = Judgement::Verdict::kRetry;
    judgement.retry_after = parse_retry_after(reply.retry_after, unix_now_s);
  }
  return judgement;
}

}  // namespace hostlens::exporters::otlp
