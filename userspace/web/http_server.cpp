// SPDX-License-Identifier: Apache-2.0
#include "web/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "web/later.h"

namespace hostlens::web {
namespace {

constexpr size_t kConnectionMemory = 16 * 1024;  ///< request line and headers; more is 431
/// Rendering keeps its data on the heap; JSON recursion is a handful of levels.
constexpr size_t kThreadStack = 256 * 1024;

MHD_Result reply(MHD_Connection* connection, Response&& response, bool allow_header = false) {
  // The body moves into the response object, which frees it when the last byte is sent.
  auto* body = new std::string(std::move(response.body));
  const auto free_body = [](void* pointer) { delete static_cast<std::string*>(pointer); };
  MHD_Response* raw = MHD_create_response_from_buffer_with_free_callback_cls(
      body->size(), body->data(), free_body, body);
  if (raw == nullptr) {
    delete body;
    return MHD_NO;
  }
  MHD_add_response_header(raw, "Content-Type", response.content_type.c_str());
  MHD_add_response_header(raw, "Cache-Control", "no-store");
  MHD_add_response_header(raw, "X-Content-Type-Options", "nosniff");
  if (allow_header) MHD_add_response_header(raw, "Allow", "GET, HEAD");
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), raw);
  MHD_destroy_response(raw);
  return queued;
}

std::string header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? "" : value;
}

}  // namespace

/// Of a request whose answer comes later: lives until the request is done with.
struct Waiting {
  std::shared_ptr<Later> later;
};

struct HttpServer::Impl {
  HttpServerSettings settings;
  Handler handler;
  MHD_Daemon* daemon = nullptr;
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::shared_ptr<Later>> waiting;  ///< connections that are, or soon will be, suspended
  bool ends = false;                         ///< none is suspended any more

  Response answer(MHD_Connection* connection, const char* url) const {
    const std::string host = header(connection, "Host");
    if (settings.loopback && !host.empty() && !is_local_host_header(host)) {
      return error_response(403, "this Host is not served here");
    }
    Request request;
    request.path = url;
    request.accept = header(connection, "Accept");
    request.parameter = [connection](const char* name) {
      return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
    };
    try {
      return handler(request);
    } catch (const std::exception&) {  // nlohmann, bad_alloc: nothing unwinds through C
      return error_response(500, "the answer could not be made");
    }
  }

  /// What *state is before the answer is asked for.
  static inline char seen = 0;

  MHD_Result answer_later(MHD_Connection* connection, std::shared_ptr<Later> later, void** state) {
    {
      const std::lock_guard lock(mutex);
      if (ends) return MHD_NO;
      waiting.insert(later);
    }
    *state = new Waiting{later};
    MHD_suspend_connection(connection);
    Later* const raw = later.get();
    raw->when_set([this, connection, later = std::move(later)] {
      MHD_resume_connection(connection);
      const std::lock_guard lock(mutex);
      waiting.erase(later);
      changed.notify_all();
    });
    return MHD_YES;
  }

  /// The daemon must not stop before all suspended connections are resumed.
  void end_waiting() {
    std::unique_lock lock(mutex);
    ends = true;
    const std::set<std::shared_ptr<Later>> left = waiting;
    lock.unlock();
    for (const auto& later : left) later->set(error_response(503, "stopping"));
    lock.lock();
    changed.wait(lock, [this] { return waiting.empty(); });
  }

  static void on_completed(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    if (*state != nullptr && *state != &seen) delete static_cast<Waiting*>(*state);
    *state = nullptr;
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char*, const char*, size_t* upload_size,
                               void** state) {
    // First call: headers only. A body that nobody asked for is read and thrown away.
    if (*state == nullptr) {
      *state = &seen;
      return MHD_YES;
    }
    if (*upload_size != 0) {
      *upload_size = 0;
      return MHD_YES;
    }
    if (std::strcmp(method, "GET") != 0 && std::strcmp(method, "HEAD") != 0) {
      return reply(connection, error_response(405, "only GET and HEAD"), true);
    }
    if (*state != &seen) {
      auto answer = static_cast<Waiting*>(*state)->later->take();
      if (!answer) return MHD_NO;
      return reply(connection, *std::move(answer));
    }
    Response response = static_cast<const Impl*>(self)->answer(connection, url);
    if (response.later != nullptr) {
      return static_cast<Impl*>(self)->answer_later(connection, std::move(response.later), state);
    }
    return reply(connection, std::move(response));
  }
};

Response error_response(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.body = nlohmann::json({{"error", text}}).dump() + "\n";
  return response;
}

bool is_local_host_header(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    const std::string address(host.substr(1, end - 1));
    in6_addr parsed{};
    return ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
  }
  const std::string name(host.substr(0, host.find(':')));
  in_addr parsed{};
  return name == "localhost" || ::inet_pton(AF_INET, name.c_str(), &parsed) == 1;
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

base::Result<std::unique_ptr<HttpServer>> HttpServer::create(base::UniqueFd listen,
                                                             HttpServerSettings settings,
                                                             Handler handler) {
  auto impl = std::make_unique<Impl>();
  impl->settings = settings;
  impl->handler = std::move(handler);
  impl->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
      &Impl::on_request, impl.get(), MHD_OPTION_NOTIFY_COMPLETED, &Impl::on_completed, nullptr,
      MHD_OPTION_LISTEN_SOCKET, listen.get(), MHD_OPTION_CONNECTION_LIMIT, settings.connections,
      MHD_OPTION_CONNECTION_TIMEOUT, settings.idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      kConnectionMemory, MHD_OPTION_THREAD_STACK_SIZE, kThreadStack, MHD_OPTION_END);
  if (impl->daemon == nullptr) return base::errno_error("start the HTTP server");
  (void)listen.release();  // the daemon closes it
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::~HttpServer() {
  impl_->end_waiting();
  MHD_stop_daemon(impl_->daemon);
}

}  // namespace hostlens::web
