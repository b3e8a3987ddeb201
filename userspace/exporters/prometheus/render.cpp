// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/render.h"

#include "exporters/prometheus/accept.h"
#include "exporters/prometheus/page.h"
#include "exporters/prometheus/protobuf_writer.h"
#include "exporters/prometheus/text_writer.h"

namespace hostlens::exporters::prometheus {

Exposition render(const model::MetricSnapshot& snapshot, std::string_view accept) {
  Negotiated chosen = negotiate(accept);
  const Page page = arrange(snapshot);
  std::string body =
      chosen.format == Format::kProtobuf ? write_protobuf(page) : write_text(page, chosen.format);
  return {std::move(chosen.content_type), std::move(body)};
}

}  // namespace hostlens::exporters::prometheus
