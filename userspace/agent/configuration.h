// SPDX-License-Identifier: Apache-2.0
// What the operator asked for, checked. Every key is one row in configuration_schema.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/quantity.h"
#include "checks/check.h"
#include "discovery/process_rule.h"
#include "discovery/process_table.h"
#include "health/settings.h"

namespace hostlens::agent {

enum class Compression : uint8_t { kNone, kGzip };
using Headers = std::vector<std::pair<std::string, std::string>>;

/// Where one OTLP signal goes. `url` is complete ("http://host:4318/v1/traces"); "" is off.
struct OtlpSignalSettings {
  std::string url;
  Headers headers;
  Compression compression = Compression::kGzip;
  uint64_t timeout_ns = 10'000'000'000;  ///< of one attempt
  bool operator==(const OtlpSignalSettings&) const = default;
};

/// As written in the file or on the command line; nullopt: not given there.
struct OtlpSettings {
  std::optional<std::string> endpoint;  ///< base URL; "" switches the export off
  std::optional<std::string> protocol;
  std::optional<Headers> headers;
  std::optional<Compression> compression;
  std::optional<uint64_t> timeout_ns;
  bool operator==(const OtlpSettings&) const = default;
};

struct Limits {
  uint64_t control_ring_bytes = 1U << 20;
  uint64_t data_ring_bytes = 4U << 20;
  uint64_t connections = 16384;
  uint64_t series_per_family = 2000;
  uint64_t series_idle_ns = 300'000'000'000;
  uint64_t routes_per_service = 200;
  uint64_t queue_bytes = 8U << 20;
  uint64_t exchange_timeout_ns = 300'000'000'000;
  uint64_t outstanding_requests = 64;
  uint64_t target_bytes = 2048;
  uint64_t recent_spans = 1000;
  uint64_t http_connections = 32;
  uint64_t checks_at_once = 8;
  bool operator==(const Limits&) const = default;
};

/// Continuous profiles.
struct ProfileSettings {
  bool cpu = true;
  uint64_t hz = 19;
  bool off_cpu = false;
  uint64_t off_cpu_threshold_ns = 1'000'000;
  bool whole_host = false;   ///< else targets alone
  double cpu_budget = 0.01;  ///< cores
  uint64_t table_bytes = 64U << 20;
  uint64_t stack_bytes = 16U << 20;
  uint64_t functions = 20;
  bool operator==(const ProfileSettings&) const = default;
};

/// Servers of debug files.
struct DebuginfodSettings {
  std::vector<std::string> urls;  ///< none: nobody is asked
  std::string cache_dir = "/var/cache/hostlens/debuginfod";
  uint64_t cache_bytes = 1U << 30;
  uint64_t timeout_ns = 60'000'000'000;  ///< of one file
  uint64_t file_bytes = 512U << 20;      ///< of one file
  bool operator==(const DebuginfodSettings&) const = default;
};

struct Configuration {
  std::optional<HostPort> listen = HostPort{"127.0.0.1", 9464};  ///< nullopt: no port is opened
  std::string user = "hostlens";
  uint64_t interval_ns = 10'000'000'000;
  std::vector<discovery::ServiceNameRule> service_name;
  std::vector<discovery::ProcessRule> include;
  std::vector<discovery::ProcessRule> exclude;
  std::vector<std::string> container_sockets = {"/run/docker.sock", "/run/podman/podman.sock"};
  std::vector<std::string> cri_sockets = {"/run/containerd/containerd.sock", "/run/crio/crio.sock",
                                          "/run/k3s/containerd/containerd.sock"};
  std::vector<std::string> route_patterns;
  bool redact_query_values = false;  ///< false: no query at all; true: keys with REDACTED values
  std::vector<std::string> query_keys_kept;
  discovery::ArgumentsMode arguments = discovery::ArgumentsMode::kRedact;
  bool prometheus_enabled = true;
  uint64_t syscall_burst_ns = 1'000'000'000;  ///< 0: only when somebody watches
  uint64_t syscall_period_ns = 30'000'000'000;
  OtlpSettings otlp;
  std::string otlp_json_path;  ///< "": off, "-": standard output
  std::vector<checks::CheckSettings> checks;
  health::HealthSettings health;
  ProfileSettings profile;
  DebuginfodSettings debuginfod;
  Limits limits;
  bool operator==(const Configuration&) const = default;
};

/// `key=value` from the command line, by the same names and checks as in the file ("interval").
using Overrides = std::vector<std::pair<std::string, std::string>>;

/// What came of reading: a configuration, or every error found, each one line:
/// "file:line: key: what is wrong; allowed: ...".
struct ConfigurationOutcome {
  Configuration configuration;
  std::vector<std::string> errors;
  [[nodiscard]] bool ok() const { return errors.empty(); }
};

/// Pure: neither files nor environment are touched. `name` is what errors call the text. Overrides
/// win over the text.
[[nodiscard]] ConfigurationOutcome parse_configuration(std::string_view text, std::string_view name,
                                                       const Overrides& overrides = {});

}  // namespace hostlens::agent
