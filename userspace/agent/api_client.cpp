// SPDX-License-Identifier: Apache-2.0
#include "agent/api_client.h"

#include <curl/curl.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "agent/configuration.h"
#include "agent/quantity.h"

namespace hostlens::agent {
namespace {

constexpr size_t kMostBytes = 16U << 20;
constexpr long kConnectTimeoutMs = 2'000;
constexpr long kTimeoutMs = 10'000;

size_t append(char* bytes, size_t, size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (text.size() + count > kMostBytes) return 0;
  text.append(bytes, count);
  return count;
}

}  // namespace

base::Result<std::string> agent_address(const std::string& given) {
  const char* variable = ::getenv("HOSTLENS_ADDRESS");
  const bool from_variable = given.empty() && variable != nullptr && *variable != '\0';
  const std::string text = !given.empty()  ? given
                           : from_variable ? variable
                                           : Configuration{}.listen->text();
  auto address = parse_host_port(text);
  if (!address) {
    return base::invalid_error((from_variable ? "HOSTLENS_ADDRESS: \"" : "--address: \"") + text +
                               "\" is no HOST:PORT");
  }
  return address->text();
}

struct ApiClient::Handle {
  CURL* curl = ::curl_easy_init();
  std::array<char, CURL_ERROR_SIZE> error{};

  Handle() = default;
  ~Handle() { ::curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

ApiClient::ApiClient(std::string address)
    : address_(std::move(address)), handle_(std::make_unique<Handle>()) {}
ApiClient::~ApiClient() = default;

base::Result<std::string> ApiClient::get(const std::string& path) {
  CURL* curl = handle_->curl;
  if (curl == nullptr) return base::Error{base::Error::Kind::kIo, 0, "libcurl does not start", {}};
  const std::string url = "http://" + address_ + path;
  std::string body;
  handle_->error[0] = '\0';
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");  // an agent is near
  ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kTimeoutMs);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle_->error.data());
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  const CURLcode code = ::curl_easy_perform(curl);
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT) {
    return base::Error{base::Error::Kind::kNotFound, 0,
                       address_ + ": no hostlens agent answers: " + handle_->error.data(),
                       "is one running there? --address or HOSTLENS_ADDRESS name another"};
  }
  if (code != CURLE_OK) {
    return base::Error{base::Error::Kind::kIo, 0, url + ": " + ::curl_easy_strerror(code), {}};
  }
  long status = 0;
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    return base::Error{base::Error::Kind::kIo, 0, url + ": answered " + std::to_string(status),
                       "is that a hostlens agent, of this version?"};
  }
  return body;
}

}  // namespace hostlens::agent
