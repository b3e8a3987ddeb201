// SPDX-License-Identifier: Apache-2.0
#include "agent/builtin_exporters.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "agent/version.h"
#include "exporters/otlp/otlp_exporter.h"
#include "exporters/otlp_json/otlp_json_exporter.h"

namespace hostlens::agent {
namespace {

using exporters::Exporter;
using Made = base::Result<std::unique_ptr<Exporter>>;

std::string describe(const OtlpSignalSettings& signal) {
  std::string text =
      fmt::format("{}|{}|{}", signal.url, static_cast<int>(signal.compression), signal.timeout_ns);
  for (const auto& [name, value] : signal.headers) text += fmt::format("|{}={}", name, value);
  return text;
}

/// Nowhere when nothing is profiled: no thread waits for what never comes.
OtlpSignalSettings profiles_of(const ExporterParts& parts) {
  const ProfileSettings& profile = parts.configuration.profile;
  return profile.cpu || profile.off_cpu ? parts.otlp.profiles : OtlpSignalSettings{};
}

std::string otlp_identity(const ExporterParts& parts) {
  const OtlpSignalSettings profiles = profiles_of(parts);
  if (parts.otlp.traces.url.empty() && parts.otlp.metrics.url.empty() && profiles.url.empty()) {
    return {};
  }
  return fmt::format("otlp {} {} {} {}", describe(parts.otlp.traces), describe(parts.otlp.metrics),
                     describe(profiles), parts.configuration.limits.queue_bytes);
}

exporters::otlp::SignalSettings signal_settings(const OtlpSignalSettings& signal) {
  return {signal.url, signal.headers, signal.compression == Compression::kGzip, signal.timeout_ns};
}

Made create_otlp(const ExporterParts& parts) {
  exporters::otlp::OtlpSettings settings;
  settings.traces = signal_settings(parts.otlp.traces);
  settings.metrics = signal_settings(parts.otlp.metrics);
  settings.profiles = signal_settings(profiles_of(parts));
  settings.queue_bytes = parts.configuration.limits.queue_bytes;
  settings.user_agent = fmt::format("OTel-OTLP-Exporter-Hostlens/{}", kVersion);
  auto made = exporters::otlp::OtlpExporter::create(std::move(settings), parts.ledger);
  if (!made) return std::move(made).error();
  return std::unique_ptr<Exporter>(*std::move(made));
}

std::string otlp_json_identity(const ExporterParts& parts) {
  if (parts.configuration.otlp_json_path.empty() || parts.otlp_json_fd < 0) return {};
  return fmt::format("otlp_json {} {}", parts.configuration.otlp_json_path,
                     parts.configuration.limits.queue_bytes);
}

Made create_otlp_json(const ExporterParts& parts) {
  base::UniqueFd fd(::fcntl(parts.otlp_json_fd, F_DUPFD_CLOEXEC, 0));
  if (!fd) return base::errno_error("duplicate the OTLP JSON file");
  auto made = exporters::otlp_json::OtlpJsonExporter::create(
      std::move(fd), parts.configuration.limits.queue_bytes, parts.ledger);
  if (!made) return std::move(made).error();
  return std::unique_ptr<Exporter>(*std::move(made));
}

constexpr ExporterRow kRows[] = {
    {otlp_identity, create_otlp},
    {otlp_json_identity, create_otlp_json},
};

}  // namespace

std::span<const ExporterRow> builtin_exporters() { return kRows; }

}  // namespace hostlens::agent
