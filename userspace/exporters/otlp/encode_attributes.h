// SPDX-License-Identifier: Apache-2.0
// Attributes, resource and scope as protobuf. Included by .cpp files of this folder only.
#pragma once

#include "model/attribute.h"
#include "opentelemetry/proto/resource/v1/resource.pb.h"

namespace hostlens::exporters::otlp {

using KeyValues = google::protobuf::RepeatedPtrField<opentelemetry::proto::common::v1::KeyValue>;

/// Appends; texts become valid UTF-8.
void encode(const model::Attributes& attributes, KeyValues& out);
void encode_scope(opentelemetry::proto::common::v1::InstrumentationScope& out);

}  // namespace hostlens::exporters::otlp
