// SPDX-License-Identifier: Apache-2.0
// The push exporters that a configuration asks for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/configuration.h"
#include "agent/otlp_environment.h"
#include "base/ledger.h"
#include "base/unique_fd.h"
#include "exporters/exporter.h"

namespace hostlens::agent {

struct ExporterParts {
  const Configuration& configuration;
  OtlpDestinations otlp;
  int otlp_json_fd = -1;  ///< duplicated; -1: none
  base::Ledger ledger;
};

struct BuiltinExporter {
  std::string identity;  ///< all that it depends on: same text, same exporter
  std::unique_ptr<exporters::Exporter> exporter;
};

/// What an exporter would depend on, "" when the configuration does not ask for it, and how it is
/// made.
struct ExporterRow {
  std::string (*identity)(const ExporterParts& parts);
  base::Result<std::unique_ptr<exporters::Exporter>> (*create)(const ExporterParts& parts);
};

/// Every exporter this program knows.
[[nodiscard]] std::span<const ExporterRow> builtin_exporters();

}  // namespace hostlens::agent
