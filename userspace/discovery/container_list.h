// SPDX-License-Identifier: Apache-2.0
// The list of containers as Docker's Engine API and Podman's compatible one give it (GET
// /containers/json).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/container.h"

namespace hostlens::discovery {

/// kInvalid when it is no such list; entries that make no sense, and those beyond kMaxContainers,
/// are left out. Names and labels are chosen by whoever started a container. The service is called
/// by the Kubernetes container's name where labels tell it, else as the container.
[[nodiscard]] base::Result<model::Containers> parse_container_list(std::string_view json);

/// Reads the answer from a stream on which the question was asked already, in HTTP/1.0: the body is
/// what follows the head, to the end (RFC 9112, 6.3), so that no HTTP library is needed here;
/// Debian's libcurl takes no connected stream. Blocks for `patience_ns` at most: kBusy then.
/// kInvalid: no HTTP, no success, too long.
[[nodiscard]] base::Result<model::Containers> read_container_list(base::UniqueFd stream,
                                                                  uint64_t patience_ns);

}  // namespace hostlens::discovery
