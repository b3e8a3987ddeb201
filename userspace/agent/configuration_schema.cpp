// SPDX-License-Identifier: Apache-2.0
#include "agent/configuration_schema.h"

#include <array>
#include <vector>

#include "agent/health_configuration.h"
#include "agent/profile_configuration.h"
#include "agent/symbols_configuration.h"
#include "base/web_transfer.h"

namespace hostlens::agent {
namespace {

using Value = ConfigurationValue;

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;
constexpr uint64_t kHour = 3600 * kSecond;

void read_listen(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  if (*text == "off") {
    configuration.listen.reset();
  } else if (auto address = parse_host_port(*text)) {
    configuration.listen = *std::move(address);
  } else {
    value.fail("\"" + *text + "\" is no address");
  }
}

void read_user(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  if (text->empty() || text->size() > 32 || *text == "root" || *text == "0") {
    return value.fail("\"" + *text + "\" cannot be the worker's user");
  }
  configuration.user = *text;
}

void read_sockets(Value& value, std::vector<std::string>& paths) {
  value.read_texts(paths);
  if (paths.size() > 8) value.fail("that are too many");
  for (const std::string& path : paths) {
    // sockaddr_un.sun_path, with its NUL.
    if (!path.starts_with('/') || path.size() > 107) value.fail("\"" + path + "\" is no path");
  }
}

void read_route_patterns(Value& value, Configuration& configuration) {
  value.read_texts(configuration.route_patterns);
  for (const std::string& pattern : configuration.route_patterns) {
    const size_t star = pattern.find('*');
    const bool at_end = star == std::string::npos ||
                        (star + 1 == pattern.size() && star > 0 && pattern[star - 1] == '/');
    if (!pattern.starts_with('/') || !at_end || pattern.size() > 256) {
      value.fail("\"" + pattern + "\" is no route");
    }
  }
}

void read_redaction(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  if (*text != "drop" && *text != "redact") return value.fail("\"" + *text + "\" is neither");
  configuration.redact_query_values = *text == "redact";
}

void read_arguments(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  using discovery::ArgumentsMode;
  if (*text == "drop") {
    configuration.arguments = ArgumentsMode::kDrop;
  } else if (*text == "redact") {
    configuration.arguments = ArgumentsMode::kRedact;
  } else if (*text == "keep") {
    configuration.arguments = ArgumentsMode::kKeep;
  } else {
    value.fail("\"" + *text + "\" is none of them");
  }
}

void read_endpoint(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  if (*text == "off") {
    configuration.otlp.endpoint = "";
  } else if (!base::is_web_url(*text)) {
    value.fail("\"" + *text + "\" is no URL of a collector");
  } else {
    configuration.otlp.endpoint = *text;
  }
}

void read_protocol(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  if (*text != "http/protobuf") return value.fail("\"" + *text + "\" is not spoken");
  configuration.otlp.protocol = *text;
}

void read_compression(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  if (*text != "gzip" && *text != "none") return value.fail("\"" + *text + "\" is neither");
  configuration.otlp.compression = *text == "gzip" ? Compression::kGzip : Compression::kNone;
}

constexpr std::string_view kRules =
    "a list of mappings of pid, port, executable, command_line, unit, cgroup, container to "
    "patterns";

const std::array kKeys = {
    ConfigurationKey{
        "listen", "HOST:PORT with an IP address, or off", "127.0.0.1:9464",
        "Where /metrics, the API and health answer. Other addresses than loopback show every "
        "service's traffic to whoever can connect.",
        true, read_listen},
    ConfigurationKey{"user", "an unprivileged user", "hostlens",
                     "Whom the worker runs as; nobody when it does not exist.", false, read_user},
    ConfigurationKey{
        "interval", "a duration, 1s to 1h", "10s",
        "How often the host, its processes and cgroups are read, and metrics are pushed. What "
        "/metrics shows of them is never older; requests are shown within a second, and their "
        "spans go every second.",
        true, [](Value& v, Configuration& c) { v.read_duration(c.interval_ns, kSecond, kHour); }},
    ConfigurationKey{"service_name", "a list of {match: {...}, name: NAME}", "[]",
                     "Names for services, the first that fits. Without one: OTEL_SERVICE_NAME of "
                     "the process, its systemd unit, its container, its executable.",
                     true,
                     [](Value& v, Configuration& c) { v.read_service_names(c.service_name); }},
    ConfigurationKey{"containers.sockets", "a list of paths, at most 8",
                     "[/run/docker.sock, /run/podman/podman.sock]",
                     "Where Docker and Podman are asked for the names of containers; only their "
                     "list is read. [] asks nobody.",
                     false,
                     [](Value& v, Configuration& c) { read_sockets(v, c.container_sockets); }},
    ConfigurationKey{"containers.cri_sockets", "a list of paths, at most 8",
                     "[/run/containerd/containerd.sock, /run/crio/crio.sock, "
                     "/run/k3s/containerd/containerd.sock]",
                     "Where containerd, CRI-O and other runtimes of Kubernetes (CRI v1) are asked "
                     "for the same; only their lists of containers, pods and images are read. [] "
                     "asks nobody.",
                     false, [](Value& v, Configuration& c) { read_sockets(v, c.cri_sockets); }},
    ConfigurationKey{"targets.include", kRules, "[]",
                     "Whose traffic is read. Keys in one entry must all fit, entries are "
                     "alternatives; patterns are globs.",
                     true, [](Value& v, Configuration& c) { v.read_rules(c.include); }},
    ConfigurationKey{"targets.exclude", kRules, "[]", "Exceptions from targets.include.", true,
                     [](Value& v, Configuration& c) { v.read_rules(c.exclude); }},
    ConfigurationKey{"routes.patterns", "a list of paths such as /users/{id}/files/*", "[]",
                     "Routes that are tried before paths are templated by what they look like.",
                     true, read_route_patterns},
    ConfigurationKey{"redaction.query", "drop or redact", "drop",
                     "drop leaves no query string in spans; redact keeps keys without values.",
                     true, read_redaction},
    ConfigurationKey{"redaction.keep", "a list of query keys", "[]",
                     "Query keys whose values are kept.", true,
                     [](Value& v, Configuration& c) { v.read_texts(c.query_keys_kept); }},
    ConfigurationKey{"redaction.arguments", "drop, redact or keep", "redact",
                     "Arguments of programs on spans: none, without what looks like a secret, or "
                     "as they are.",
                     false, read_arguments},
    ConfigurationKey{
        "signals.syscalls.burst", "a duration, 0s to 1h", "1s",
        "How long of every period the system calls of targets are observed, which makes every "
        "system call of the host dearer meanwhile. What is seen stands for the whole period. 0s: "
        "only for `hostlens syscalls`.",
        false, [](Value& v, Configuration& c) { v.read_duration(c.syscall_burst_ns, 0, kHour); }},
    ConfigurationKey{"signals.syscalls.period", "a duration, 1s to 24h", "30s",
                     "See signals.syscalls.burst.", false,
                     [](Value& v, Configuration& c) {
                       v.read_duration(c.syscall_period_ns, kSecond, 24 * kHour);
                     }},
    ConfigurationKey{"exporters.prometheus.enabled", "true or false", "true",
                     "Whether /metrics is served on `listen`.", true,
                     [](Value& v, Configuration& c) { v.read(c.prometheus_enabled); }},
    ConfigurationKey{"exporters.otlp.endpoint", "http://HOST:PORT or https://HOST:PORT, or off",
                     "off", "OpenTelemetry collector; v1/traces and v1/metrics are appended.", true,
                     read_endpoint},
    ConfigurationKey{"exporters.otlp.protocol", "http/protobuf", "http/protobuf",
                     "The only protocol spoken.", true, read_protocol},
    ConfigurationKey{"exporters.otlp.headers", "a mapping of header names to values", "{}",
                     "Sent with every request, for example for authentication.", true,
                     [](Value& v, Configuration& c) { v.read_headers(c.otlp.headers.emplace()); }},
    ConfigurationKey{"exporters.otlp.compression", "gzip or none", "gzip", "Of request bodies.",
                     true, read_compression},
    ConfigurationKey{"exporters.otlp.timeout", "a duration, 100ms to 5m", "10s",
                     "Of one attempt to send.", true,
                     [](Value& v, Configuration& c) {
                       uint64_t timeout_ns = 0;
                       v.read_duration(timeout_ns, 100 * kMs, 300 * kSecond);
                       if (timeout_ns != 0) c.otlp.timeout_ns = timeout_ns;
                     }},
    ConfigurationKey{"exporters.otlp_json.path", "a file, or - for standard output", "\"\"",
                     "OTLP JSON lines, one request a line.", true,
                     [](Value& v, Configuration& c) { v.read_text(c.otlp_json_path); }},
    ConfigurationKey{"limits.control_ring", "a power of two, 64KiB to 64MiB", "1MiB",
                     "Ring of process and connection events.", false,
                     [](Value& v, Configuration& c) {
                       v.read_ring_size(c.limits.control_ring_bytes, 64 * kKiB, 64 * kMiB);
                     }},
    ConfigurationKey{"limits.data_ring", "a power of two, 64KiB to 512MiB", "4MiB",
                     "Ring of payload; what does not fit is counted as ring_full.", false,
                     [](Value& v, Configuration& c) {
                       v.read_ring_size(c.limits.data_ring_bytes, 64 * kKiB, 512 * kMiB);
                     }},
    ConfigurationKey{
        "limits.connections", "16 to 1000000", "16384",
        "Connections followed at once; more: the idlest is let go.", true,
        [](Value& v, Configuration& c) { v.read_count(c.limits.connections, 16, 1'000'000); }},
    ConfigurationKey{"limits.series_per_family", "10 to 1000000", "2000",
                     "Series of one metric; more go into one overflow series.", true,
                     [](Value& v, Configuration& c) {
                       v.read_count(c.limits.series_per_family, 10, 1'000'000);
                     }},
    ConfigurationKey{"limits.series_idle", "a duration, 10s to 24h", "5m",
                     "A series without change for so long is dropped.", true,
                     [](Value& v, Configuration& c) {
                       v.read_duration(c.limits.series_idle_ns, 10 * kSecond, 24 * kHour);
                     }},
    ConfigurationKey{
        "limits.routes_per_service", "1 to 100000", "200",
        "Routes of one service; more have no route.", true,
        [](Value& v, Configuration& c) { v.read_count(c.limits.routes_per_service, 1, 100'000); }},
    ConfigurationKey{"limits.queue", "64KiB to 1GiB", "8MiB",
                     "What an exporter may hold while its receiver is away.", true,
                     [](Value& v, Configuration& c) {
                       v.read_size(c.limits.queue_bytes, 64 * kKiB, 1024 * kMiB);
                     }},
    ConfigurationKey{"limits.exchange_timeout", "a duration, 1s to 24h", "5m",
                     "Silence after which a request without its response is given up.", true,
                     [](Value& v, Configuration& c) {
                       v.read_duration(c.limits.exchange_timeout_ns, kSecond, 24 * kHour);
                     }},
    ConfigurationKey{
        "limits.outstanding_requests", "1 to 100000", "64", "Pipelined requests of one connection.",
        true,
        [](Value& v,
           Configuration& c) { v.read_count(c.limits.outstanding_requests, 1, 100'000); }},
    ConfigurationKey{
        "limits.target", "64 to 64KiB", "2KiB", "Longest request target that is kept.", true,
        [](Value& v, Configuration& c) { v.read_size(c.limits.target_bytes, 64, 64 * kKiB); }},
    ConfigurationKey{
        "limits.recent_spans", "0 to 100000", "1000", "Spans kept in memory for /api/v1/traces.",
        true, [](Value& v, Configuration& c) { v.read_count(c.limits.recent_spans, 0, 100'000); }},
    ConfigurationKey{
        "limits.http_connections", "1 to 1000", "32",
        "Clients that may be connected to `listen` at once.", true,
        [](Value& v, Configuration& c) { v.read_count(c.limits.http_connections, 1, 1000); }},
    ConfigurationKey{
        "limits.checks_at_once", "1 to 32", "8", "Checks that may run at the same time.", true,
        [](Value& v, Configuration& c) { v.read_count(c.limits.checks_at_once, 1, 32); }},
};

}  // namespace

std::span<const ConfigurationKey> configuration_keys() {
  static const std::vector<ConfigurationKey> kAll = [] {
    std::vector<ConfigurationKey> all(kKeys.begin(), kKeys.end());
    for (const auto more : {profile_configuration_keys(), symbols_configuration_keys(),
                            health_configuration_keys()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return kAll;
}

}  // namespace hostlens::agent
