// SPDX-License-Identifier: Apache-2.0
// A collector on a free loopback port that answers by script and keeps what it got. Its HTTP server
// is libmicrohttpd, its inflater zlib.
#pragma once

#include <arpa/inet.h>
#include <microhttpd.h>
#include <zlib.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace hostlens::exporters::otlp {

struct CannedAnswer {
  unsigned status = 200;
  std::string body = {};
  std::string retry_after = {};
  std::string location = {};
};

struct ReceivedRequest {
  std::string path;
  std::map<std::string, std::string> headers;
  std::string body;  ///< inflated when it came as gzip
};

inline std::string inflate_gzip(const std::string& packed) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return "";
  std::string out(16U << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = ::inflate(&stream, Z_FINISH);
  out.resize(end == Z_STREAM_END ? stream.total_out : 0);
  ::inflateEnd(&stream);
  return out;
}

class FakeCollector {
 public:
  explicit FakeCollector(uint16_t port = 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    daemon_ =
        ::MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, nullptr, nullptr, &on_request, this,
                           MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U,
                           MHD_OPTION_NOTIFY_CONNECTION, &on_connection, this, MHD_OPTION_END);
  }
  ~FakeCollector() {
    if (daemon_ != nullptr) ::MHD_stop_daemon(daemon_);
  }
  FakeCollector(const FakeCollector&) = delete;
  FakeCollector& operator=(const FakeCollector&) = delete;

  [[nodiscard]] uint16_t port() const {
    return ::MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port;
  }
  [[nodiscard]] std::string url(const std::string& path = "/v1/traces") const {
    return "http://127.0.0.1:" + std::to_string(port()) + path;
  }
  /// Used once each, in order; then 200 with an empty body.
  void will_answer(CannedAnswer answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
  }
  [[nodiscard]] std::vector<ReceivedRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  [[nodiscard]] int connections() const { return connections_; }

 private:
  static void on_connection(void* self, MHD_Connection*, void**,
                            MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) ++static_cast<FakeCollector*>(self)->connections_;
  }

  static MHD_Result keep_header(void* to, MHD_ValueKind, const char* name, const char* value) {
    (*static_cast<std::map<std::string, std::string>*>(to))[name] = value == nullptr ? "" : value;
    return MHD_YES;
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char*,
                               const char*, const char* bytes, size_t* size, void** state) {
    if (*state == nullptr) {
      *state = new std::string();
      return MHD_YES;
    }
    auto* body = static_cast<std::string*>(*state);
    if (*size != 0) {
      body->append(bytes, *size);
      *size = 0;
      return MHD_YES;
    }
    ReceivedRequest request;
    request.path = url;
    ::MHD_get_connection_values(connection, MHD_HEADER_KIND, &keep_header, &request.headers);
    request.body = request.headers.contains("Content-Encoding") ? inflate_gzip(*body) : *body;
    delete body;
    return static_cast<FakeCollector*>(self)->answer(connection, std::move(request));
  }

  MHD_Result answer(MHD_Connection* connection, ReceivedRequest request) {
    CannedAnswer answer;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(std::move(request));
      if (!answers_.empty()) {
        answer = std::move(answers_.front());
        answers_.pop_front();
      }
    }
    MHD_Response* response = ::MHD_create_response_from_buffer(
        answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
    if (!answer.retry_after.empty()) {
      ::MHD_add_response_header(response, "Retry-After", answer.retry_after.c_str());
    }
    if (!answer.location.empty()) {
      ::MHD_add_response_header(response, "Location", answer.location.c_str());
    }
    const MHD_Result queued = ::MHD_queue_response(connection, answer.status, response);
    ::MHD_destroy_response(response);
    return queued;
  }

  mutable std::mutex mutex_;
  std::deque<CannedAnswer> answers_;
  std::vector<ReceivedRequest> requests_;
  std::atomic<int> connections_{0};
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace hostlens::exporters::otlp
