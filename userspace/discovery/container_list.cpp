// SPDX-License-Identifier: Apache-2.0
#include "discovery/container_list.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "discovery/answer_stream.h"
#include "discovery/container_names.h"
#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

using base::Result;
using nlohmann::json;

std::string_view member_text(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
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
    if (labels != entry.end() && labels->is_object()) {
      add_kubernetes_labels(container, [&](const char* key) { return member_text(*labels, key); });
    }
    std::string id = container.id;
    containers.emplace(std::move(id), std::move(container));
  }
  return containers;
}

Result<model::Containers> read_container_list(base::UniqueFd stream, uint64_t patience_ns) {
  AnswerStream answer(std::move(stream), patience_ns);
  std::string bytes;
  for (;;) {
    const auto block = answer.next();
    if (!block) return block.error();
    if (block->empty()) break;
    bytes.append(*block);
  }
  const auto body = body_of(bytes);
  if (!body) return base::invalid_error("read containers: the answer is none");
  return parse_container_list(*body);
}

}  // namespace hostlens::discovery
