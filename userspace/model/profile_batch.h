// SPDX-License-Identifier: Apache-2.0
// A profile of one interval, with the resources of the processes in it.
#pragma once

#include <memory>
#include <unordered_map>

#include "model/process_key.h"
#include "model/profile.h"
#include "model/service.h"

namespace hostlens::model {

/// Immutable once it is handed on.
struct ProfileBatch {
  explicit ProfileBatch(const Profile::Settings& settings) : profile(settings) {}

  Profile profile;
  /// Of the processes that the profile's labels name; one that is missing belongs to `agent`.
  std::unordered_map<ProcessKey, std::shared_ptr<const Service>> services;
  std::shared_ptr<const Service> agent;
};

}  // namespace hostlens::model
