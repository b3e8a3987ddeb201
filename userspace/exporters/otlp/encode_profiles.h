// SPDX-License-Identifier: Apache-2.0
// Profiles -> ExportProfilesServiceRequest (v1development, OTLP 1.11). What of the wire may change
// with the next version is here and in proto/ alone.
#pragma once

#include <functional>

#include "exporters/otlp/encoded_request.h"
#include "model/profile_batch.h"

namespace hostlens::exporters::otlp {

/// One resource and profile per service; names are resolved, and build ids kept, so that a server
/// can look for more. As many requests as the limit asks for, each with a dictionary of its own;
/// none without samples. `items` are samples: those that model::Profile counts. `send` is called
/// for each as soon as it is made: one at a time is in memory.
void encode_profiles(const model::ProfileBatch& batch,
                     const std::function<void(const EncodedRequest&)>& send,
                     size_t limit_bytes = kRequestBytes);

}  // namespace hostlens::exporters::otlp
