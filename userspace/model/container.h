// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/attribute.h"

namespace hostlens::model {

/// What a container runtime tells of a container. Plain value; valid UTF-8, bounded lengths.
struct Container {
  std::string id;  ///< 64 hex digits
  std::string name;
  std::string image;  ///< without tag or digest
  std::vector<std::string> image_tags;
  std::string service_name;  ///< what its service is called: see container_list.h
  Attributes kubernetes;     ///< k8s.*, from labels
  bool operator==(const Container&) const = default;
};

/// By id. Immutable.
using Containers = std::unordered_map<std::string, Container>;

}  // namespace hostlens::model
