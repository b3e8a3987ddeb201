// SPDX-License-Identifier: Apache-2.0
#include "discovery/container_list.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

using base::Error;
using base::Result;
using nlohmann::json;

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

/// All that comes until the other side is done.
Result<std::string> read_all(const base::UniqueFd& stream, uint64_t deadline_ns) {
  std::string bytes;
  std::array<char, 16384> block;
  for (;;) {
    const uint64_t now_ns = base::monotonic_now_ns();
    pollfd ready{stream.get(), POLLIN, 0};
    const int wait_ms =
        now_ns < deadline_ns ? static_cast<int>((deadline_ns - now_ns) / 1'000'000 + 1) : 0;
    if (now_ns >= deadline_ns || ::poll(&ready, 1, wait_ms) == 0) {
      return Error{Error::Kind::kBusy, 0, "read containers: no answer in time", {}};
    }
    const ssize_t got = ::recv(stream.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (got == 0) return bytes;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return base::errno_error("read containers");
    if (bytes.size() + static_cast<size_t>(got) > kMaxContainerListBytes) {
      return base::invalid_error("read containers: the answer is too long");
    }
    bytes.append(block.data(), static_cast<size_t>(got));
  }
}

/// The body of an answer to HTTP/1.0: what is behind the head. nullopt: no HTTP, or no success.
std::optional<std::string_view> body_of(std::string_view answer) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::string_view line = answer.substr(0, answer.find("\r\n"));
  const size_t end = answer.find(kEnd);
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line.substr(8, 4) != " 200" ||
      end == std::string_view::npos) {
    return std::nullopt;
  }
  return answer.substr(end + kEnd.size());
}

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
  auto answer = read_all(stream, base::monotonic_now_ns() + patience_ns);
  if (!answer) return std::move(answer).error();
  const auto body = body_of(*answer);
  if (!body) return base::invalid_error("read containers: the answer is none");
  return parse_container_list(*body);
}

}  // namespace hostlens::discovery
