// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server for GET, over libmicrohttpd, on a socket that somebody else opened.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::web {

struct Request {
  std::string path;    ///< without query
  std::string accept;  ///< "" when absent
  /// Value of a query parameter, nullptr when absent.
  std::function<const char*(const char* name)> parameter;
};

class Later;

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  /// Not null: the answer comes later, and the rest of this means nothing. See web/later.h.
  std::shared_ptr<Later> later = nullptr;
};

/// {"error": text} with that status.
[[nodiscard]] Response error_response(int status, std::string_view text);

struct HttpServerSettings {
  uint32_t connections = 32;
  uint32_t idle_timeout_s = 15;
  /// Bound to loopback: refuse requests whose Host is a name other than localhost. A web page that
  /// rebinds its own name to 127.0.0.1 must not read what we serve.
  bool loopback = true;
};

/// Called on the server's one thread for every GET and HEAD; must answer from immutable values, or
/// later, and not throw.
using Handler = std::function<Response(const Request&)>;

/// Serves from construction to destruction, on one thread of its own with epoll and a small stack.
/// Connections, their memory and their idle time are bounded; other methods get 405.
class HttpServer {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<HttpServer>> create(base::UniqueFd listen,
                                                                        HttpServerSettings settings,
                                                                        Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Whether a Host header may be meant for a server on loopback: an address or localhost, any port.
[[nodiscard]] bool is_local_host_header(std::string_view host);

}  // namespace hostlens::web
