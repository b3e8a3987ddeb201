// SPDX-License-Identifier: Apache-2.0
#include "discovery/container_names.h"

#include <algorithm>

#include "discovery/proc_files.h"

namespace hostlens::discovery {

bool is_container_id(std::string_view id) {
  return id.size() == 64 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool set_image(model::Container& container, std::string_view reference) {
  if (reference.empty() || reference.starts_with("sha256:")) return false;
  std::string image = clean_text(reference.substr(0, reference.find('@')));
  const size_t colon = image.rfind(':');
  if (colon != std::string::npos && image.find('/', colon) == std::string::npos) {
    container.image_tags.push_back(image.substr(colon + 1));
    image.resize(colon);
  }
  container.image = std::move(image);
  return true;
}

void add_kubernetes(model::Container& container, std::string_view key, std::string_view value) {
  const bool known = std::any_of(container.kubernetes.begin(), container.kubernetes.end(),
                                 [&](const model::Attribute& other) { return other.key == key; });
  std::string text = clean_text(value);
  if (known || text.empty()) return;
  if (key == "k8s.container.name") container.service_name = text;
  container.kubernetes.push_back({std::string(key), std::move(text)});
}

}  // namespace hostlens::discovery
