// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/attribute.h"

namespace hostlens::discovery {

/// host.name, host.id (/etc/machine-id), host.arch, os.type, os.name, os.version and os.description
/// by OpenTelemetry's resource conventions; what cannot be read is absent. `root` is "" for this
/// host.
[[nodiscard]] model::Attributes read_host_resource(const std::string& root = "");

/// uuid version 5 in the namespace that the conventions set aside for service.instance.id: the same
/// on every start for the same `seed`.
[[nodiscard]] std::string stable_instance_id(std::string_view seed);

/// Text of the attribute, "" when it is absent or no text.
[[nodiscard]] std::string_view text_of(const model::Attributes& attributes, std::string_view key);

}  // namespace hostlens::discovery
