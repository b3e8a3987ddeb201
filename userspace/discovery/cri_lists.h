// SPDX-License-Identifier: Apache-2.0
// Lists of containers, pods and images as containerd, CRI-O and their kin give them (Kubernetes'
// Container Runtime Interface, runtime.v1).
#pragma once

#include <string>

#include "base/result.h"
#include "model/container.h"

namespace hostlens::discovery {

/// Protobuf messages, without gRPC's frames.
struct CriLists {
  std::string containers;  ///< ListContainersResponse
  std::string pods;        ///< ListPodSandboxResponse
  std::string images;      ///< ListImagesResponse
};

/// kInvalid when one of them is no such message; entries that make no sense, that are larger than
/// kMaxCriEntryBytes, or beyond kMaxContainers, are left out. Pure.
///
/// Pod and namespace are told by the kubelet's labels, else by the pod's sandbox (crictl sets no
/// labels). The service is called as the container in its pod; the container that only holds a
/// pod's namespaces is called `pause` for all pods, as its program: it does nothing to be told
/// apart for. The image is what the user wrote where the kubelet says so (1.28), else what the
/// runtime calls it; containerd calls it by its digest, whose first tag is in the list of images.
[[nodiscard]] base::Result<model::Containers> parse_cri_lists(const CriLists& lists);

inline constexpr size_t kMaxCriEntryBytes = 256U << 10U;

}  // namespace hostlens::discovery
