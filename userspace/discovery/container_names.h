// SPDX-License-Identifier: Apache-2.0
// What every container runtime writes alike: ids, references to images, Kubernetes' labels.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/container.h"

namespace hostlens::discovery {

inline constexpr size_t kMaxContainers = 4096;

[[nodiscard]] bool is_container_id(std::string_view id);

/// "registry:5000/shop/web:1.2@sha256:..." -> image and tag. An image that is named by its digest
/// alone has no name: false then.
bool set_image(model::Container& container, std::string_view reference);

/// Appends a k8s.* attribute unless it is empty or known; the text may be anything.
void add_kubernetes(model::Container& container, std::string_view key, std::string_view value);

/// Calls `label` with each label that Kubernetes puts on containers; it returns its value, "" for
/// none. The service is called as the Kubernetes container.
template <typename Label>
void add_kubernetes_labels(model::Container& container, const Label& label) {
  add_kubernetes(container, "k8s.pod.name", label("io.kubernetes.pod.name"));
  add_kubernetes(container, "k8s.namespace.name", label("io.kubernetes.pod.namespace"));
  add_kubernetes(container, "k8s.pod.uid", label("io.kubernetes.pod.uid"));
  add_kubernetes(container, "k8s.container.name", label("io.kubernetes.container.name"));
}

}  // namespace hostlens::discovery
