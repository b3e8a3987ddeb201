// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/http_sender.h"

#include <curl/curl.h>
#include <strings.h>

#include <algorithm>

#include "base/web_transfer.h"
#include "exporters/otlp/gzip.h"

namespace hostlens::exporters::otlp {
namespace {

bool has_break(const std::string& text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
}

size_t on_body(char* bytes, size_t, size_t count, void* self) {
  auto& reply = *static_cast<HttpReply*>(self);
  if (reply.body.size() + count > HttpSender::kReplyBytes) {
    reply.body_too_large = true;
    return 0;  // ends the transfer
  }
  reply.body.append(bytes, count);
  return count;
}

size_t on_header(char* bytes, size_t, size_t count, void* self) {
  constexpr std::string_view kName = "retry-after:";
  constexpr size_t kLongestValue = 64;
  std::string_view line(bytes, count);
  if (line.size() > kName.size() && ::strncasecmp(bytes, kName.data(), kName.size()) == 0) {
    line.remove_prefix(kName.size());
    const size_t first = line.find_first_not_of(" \t");
    const size_t last = line.find_last_not_of(" \t\r\n");
    if (first != std::string_view::npos && last != std::string_view::npos && last >= first) {
      line = line.substr(first, last - first + 1);
      static_cast<HttpReply*>(self)->retry_after = line.substr(0, kLongestValue);
    }
  }
  return count;
}

}  // namespace

struct HttpSender::Impl {
  std::unique_ptr<base::WebTransfer> transfer;
  std::unique_ptr<Gzip> gzip;
  std::string destination;
};

HttpSender::HttpSender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpSender::~HttpSender() = default;

base::Result<std::unique_ptr<HttpSender>> HttpSender::create(const SignalSettings& settings,
                                                             std::string_view user_agent) {
  auto destination = base::shown_url(settings.url);
  if (!destination) {
    base::Error error = std::move(destination).error().with_context("OTLP");
    return std::move(error).with_remedy("write it as http://HOST:4318/v1/traces");
  }
  auto transfer = base::WebTransfer::create(user_agent);
  if (!transfer) return std::move(transfer).error();
  auto impl = std::make_unique<Impl>();
  impl->destination = *std::move(destination);
  impl->transfer = *std::move(transfer);
  if (settings.gzip) {
    auto gzip = Gzip::create();
    if (!gzip) return std::move(gzip).error();
    impl->gzip = *std::move(gzip);
  }
  impl->transfer->add_header("Content-Type: application/x-protobuf");
  impl->transfer->add_header("Expect:");  // no 100-continue: it costs a round trip per request
  if (settings.gzip) impl->transfer->add_header("Content-Encoding: gzip");
  for (const auto& [name, value] : settings.headers) {
    if (name.empty() || has_break(name) || has_break(value) ||
        name.find_first_of(": ") != std::string::npos) {
      return base::invalid_error("OTLP: header \"" + name + "\": not one line of NAME and VALUE");
    }
    impl->transfer->add_header(value.empty() ? name + ";" : name + ": " + value);
  }

  CURL* easy = impl->transfer->easy();
  ::curl_easy_setopt(easy, CURLOPT_URL, settings.url.c_str());
  ::curl_easy_setopt(easy, CURLOPT_POST, 1L);
  ::curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  ::curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     std::max(1L, static_cast<long>(settings.timeout_ns / 1'000'000)));
  ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  ::curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
  return std::unique_ptr<HttpSender>(new HttpSender(std::move(impl)));
}

HttpReply HttpSender::post(std::string_view body) {
  HttpReply reply;
  std::string packed;
  if (impl_->gzip != nullptr) {
    auto compressed = impl_->gzip->compress(body);
    if (!compressed) {
      reply.error = compressed.error().message;
      return reply;
    }
    packed = *std::move(compressed);
    body = packed;
  }
  CURL* easy = impl_->transfer->easy();
  ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  ::curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);
  ::curl_easy_setopt(easy, CURLOPT_HEADERDATA, &reply);
  const base::WebTransfer::End end = impl_->transfer->run();
  reply.status = end.status;
  if (end.cancelled) {
    reply.end = HttpReply::End::kCancelled;
  } else if (end.code == CURLE_OK || (reply.body_too_large && end.status != 0)) {
    reply.end = HttpReply::End::kAnswered;
  } else {
    reply.error = base::failure_text(end);
  }
  return reply;
}

void HttpSender::cancel_at(TimePoint time) { impl_->transfer->cancel_at(time); }

const std::string& HttpSender::destination() const { return impl_->destination; }

}  // namespace hostlens::exporters::otlp
