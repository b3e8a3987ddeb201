// SPDX-License-Identifier: Apache-2.0
#include "discovery/container_list.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

using base::Error;
using base::Result;
using nlohmann::json;

struct EndCurl {
  void operator()(CURL* curl) const { ::curl_easy_cleanup(curl); }
};

std::string member_text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string()
             ? clean_text(found->get_ref<const std::string&>())
             : std::string();
}

bool is_container_id(std::string_view id) {
  return id.size() == 64 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// "registry:5000/shop/web:1.2@sha256:..." -> image and tag. An image that is named by its digest
/// alone has no name.
void set_image(model::Container& container, std::string image) {
  if (image.starts_with("sha256:")) return;
  image.resize(std::min(image.find('@'), image.size()));
  const size_t colon = image.rfind(':');
  if (colon != std::string::npos && image.find('/', colon) == std::string::npos) {
    container.image_tags.push_back(image.substr(colon + 1));
    image.resize(colon);
  }
  container.image = std::move(image);
}

void set_labels(model::Container& container, const json& labels) {
  if (!labels.is_object()) return;
  constexpr std::array<std::pair<const char*, const char*>, 4> kLabels{{
      {"io.kubernetes.pod.name", "k8s.pod.name"},
      {"io.kubernetes.pod.namespace", "k8s.namespace.name"},
      {"io.kubernetes.pod.uid", "k8s.pod.uid"},
      {"io.kubernetes.container.name", "k8s.container.name"},
  }};
  for (const auto& [label, key] : kLabels) {
    std::string value = member_text(labels, label);
    if (value.empty()) continue;
    if (std::string_view(key) == "k8s.container.name") container.service_name = value;
    container.kubernetes.push_back({key, std::move(value)});
  }
}

size_t take_body(char* bytes, size_t one, size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + one * count > kMaxContainerListBytes) return 0;  // ends the transfer
  body.append(bytes, one * count);
  return one * count;
}

curl_socket_t give_stream(void* stream, curlsocktype, curl_sockaddr*) {
  return static_cast<base::UniqueFd*>(stream)->release();  // curl closes it
}

int is_connected(void*, curl_socket_t, curlsocktype) { return CURL_SOCKOPT_ALREADY_CONNECTED; }

}  // namespace

Result<model::Containers> parse_container_list(std::string_view text) {
  const json list = json::parse(text, nullptr, false);
  if (!list.is_array()) return base::invalid_error("the list of containers is none");
  model::Containers containers;
  for (const json& entry : list) {
    if (containers.size() >= kMaxContainers) break;
    if (!entry.is_object()) continue;
    model::Container container;
    container.id = member_text(entry, "Id");
    if (!is_container_id(container.id)) continue;
    const auto names = entry.find("Names");
    if (names != entry.end() && names->is_array() && !names->empty() &&
        names->front().is_string()) {
      container.name = clean_text(names->front().get_ref<const std::string&>());
      if (container.name.starts_with('/')) container.name.erase(0, 1);
    }
    container.service_name = container.name;
    set_image(container, member_text(entry, "Image"));
    const auto labels = entry.find("Labels");
    if (labels != entry.end()) set_labels(container, *labels);
    std::string id = container.id;
    containers.emplace(std::move(id), std::move(container));
  }
  return containers;
}

Result<model::Containers> read_container_list(base::UniqueFd stream, uint64_t patience_ns) {
  const std::unique_ptr<CURL, EndCurl> curl(::curl_easy_init());
  if (curl == nullptr) return base::errno_error("prepare to read containers", ENOMEM);
  std::string body;
  CURL* const raw = curl.get();
  ::curl_easy_setopt(raw, CURLOPT_URL, "http://localhost/containers/json");
  ::curl_easy_setopt(raw, CURLOPT_PROXY, "");
  ::curl_easy_setopt(raw, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(raw, CURLOPT_TIMEOUT_MS,
                     std::max(static_cast<long>(patience_ns / 1'000'000), 1L));
  ::curl_easy_setopt(raw, CURLOPT_OPENSOCKETFUNCTION, give_stream);
  ::curl_easy_setopt(raw, CURLOPT_OPENSOCKETDATA, &stream);
  ::curl_easy_setopt(raw, CURLOPT_SOCKOPTFUNCTION, is_connected);
  ::curl_easy_setopt(raw, CURLOPT_WRITEFUNCTION, take_body);
  ::curl_easy_setopt(raw, CURLOPT_WRITEDATA, &body);
  ::curl_easy_setopt(raw, CURLOPT_FORBID_REUSE, 1L);
  const CURLcode code = ::curl_easy_perform(raw);
  if (code != CURLE_OK) {
    const auto kind = code == CURLE_OPERATION_TIMEDOUT ? Error::Kind::kBusy : Error::Kind::kInvalid;
    return Error{kind, 0, std::string("read containers: ") + ::curl_easy_strerror(code), {}};
  }
  long status = 0;
  ::curl_easy_getinfo(raw, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    return base::invalid_error("read containers: the runtime answers " + std::to_string(status));
  }
  return parse_container_list(body);
}

}  // namespace hostlens::discovery
