// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/http_sender.h"

#include <curl/curl.h>
#include <strings.h>

#include <algorithm>
#include <atomic>
#include <limits>

#include "exporters/otlp/gzip.h"

namespace hostlens::exporters::otlp {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

struct Easy {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
struct Multi {
  void operator()(CURLM* handle) const { ::curl_multi_cleanup(handle); }
};
struct List {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
struct Url {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};
struct CurlText {
  void operator()(char* text) const { ::curl_free(text); }
};

bool start_curl() {
  static const bool started = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

base::Result<std::string> checked_destination(const std::string& text) {
  const std::unique_ptr<CURLU, Url> url(::curl_url());
  if (url == nullptr || ::curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return base::invalid_error("OTLP: " + text + ": not a URL")
        .with_remedy("write it as http://HOST:4318/v1/traces");
  }
  char* raw = nullptr;
  ::curl_url_get(url.get(), CURLUPART_SCHEME, &raw, 0);
  const std::unique_ptr<char, CurlText> scheme(raw);
  if (scheme == nullptr || (::strcasecmp(raw, "http") != 0 && ::strcasecmp(raw, "https") != 0)) {
    return base::invalid_error("OTLP: scheme of the URL: http and https are spoken");
  }
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY}) {
    ::curl_url_set(url.get(), part, nullptr, 0);
  }
  raw = nullptr;
  ::curl_url_get(url.get(), CURLUPART_URL, &raw, 0);
  const std::unique_ptr<char, CurlText> shown(raw);
  return std::string(shown == nullptr ? "" : shown.get());
}

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
  // Order matters: the easy handle goes before the multi handle that keeps the connections.
  std::unique_ptr<CURLM, Multi> multi;
  std::unique_ptr<CURL, Easy> easy;
  std::unique_ptr<curl_slist, List> headers;
  std::unique_ptr<Gzip> gzip;
  std::string destination;
  std::atomic<TimePoint::rep> cancel_at{std::numeric_limits<TimePoint::rep>::max()};

  void add_header(const std::string& line) {
    curl_slist* longer = ::curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) return;
    (void)headers.release();
    headers.reset(longer);
  }

  [[nodiscard]] milliseconds until_cancel() const {
    const TimePoint at{TimePoint::duration(cancel_at.load())};
    const TimePoint now = std::chrono::steady_clock::now();
    // One step is at most a second: libcurl's own time-outs need the loop to turn.
    if (at > now + std::chrono::seconds(1)) return milliseconds(1000);
    return std::max(milliseconds(0), duration_cast<milliseconds>(at - now));
  }

  void transfer(HttpReply& reply);
};

HttpSender::HttpSender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpSender::~HttpSender() = default;

base::Result<std::unique_ptr<HttpSender>> HttpSender::create(const SignalSettings& settings,
                                                             std::string_view user_agent) {
  auto destination = checked_destination(settings.url);
  if (!destination) return std::move(destination).error();
  auto impl = std::make_unique<Impl>();
  impl->destination = *destination;
  if (start_curl()) {
    impl->multi.reset(::curl_multi_init());
    impl->easy.reset(::curl_easy_init());
  }
  if (impl->multi == nullptr || impl->easy == nullptr) return base::errno_error("libcurl", ENOMEM);
  if (settings.gzip) {
    auto gzip = Gzip::create();
    if (!gzip) return std::move(gzip).error();
    impl->gzip = *std::move(gzip);
  }
  impl->add_header("Content-Type: application/x-protobuf");
  impl->add_header("Expect:");  // no 100-continue: it costs a round trip per request
  if (settings.gzip) impl->add_header("Content-Encoding: gzip");
  for (const auto& [name, value] : settings.headers) {
    if (name.empty() || has_break(name) || has_break(value) ||
        name.find_first_of(": ") != std::string::npos) {
      return base::invalid_error("OTLP: header \"" + name + "\": not one line of NAME and VALUE");
    }
    impl->add_header(value.empty() ? name + ";" : name + ": " + value);
  }

  CURL* easy = impl->easy.get();
  ::curl_easy_setopt(easy, CURLOPT_URL, settings.url.c_str());
  ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  ::curl_easy_setopt(easy, CURLOPT_POST, 1L);
  ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, impl->headers.get());
  ::curl_easy_setopt(easy, CURLOPT_USERAGENT, std::string(user_agent).c_str());
  ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  ::curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     std::max(1L, static_cast<long>(settings.timeout_ns / 1'000'000)));
  ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  ::curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
  return std::unique_ptr<HttpSender>(new HttpSender(std::move(impl)));
}

void HttpSender::Impl::transfer(HttpReply& reply) {
  ::curl_multi_add_handle(multi.get(), easy.get());
  int running = 1;
  while (running != 0) {
    if (::curl_multi_perform(multi.get(), &running) != CURLM_OK) break;
    if (running == 0) break;
    const milliseconds left = until_cancel();
    if (left.count() == 0) break;
    ::curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(left.count()), nullptr);
  }
  reply.end = running != 0 ? HttpReply::End::kCancelled : HttpReply::End::kFailed;
  int left = 0;
  while (const CURLMsg* message = ::curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    long status = 0;
    ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    if (code == CURLE_OK || (reply.body_too_large && status != 0)) {
      reply.end = HttpReply::End::kAnswered;
      continue;
    }
    long error = 0;
    ::curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &error);
    reply.error = ::curl_easy_strerror(code);
    if (code == CURLE_COULDNT_CONNECT && error != 0) {
      reply.error += std::string(" (") + std::strerror(static_cast<int>(error)) + ")";
    }
  }
  ::curl_multi_remove_handle(multi.get(), easy.get());
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
  CURL* easy = impl_->easy.get();
  ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  ::curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);
  ::curl_easy_setopt(easy, CURLOPT_HEADERDATA, &reply);
  impl_->transfer(reply);
  return reply;
}

void HttpSender::cancel_at(TimePoint time) {
  impl_->cancel_at.store(time.time_since_epoch().count());
  ::curl_multi_wakeup(impl_->multi.get());
}

const std::string& HttpSender::destination() const { return impl_->destination; }

}  // namespace hostlens::exporters::otlp
