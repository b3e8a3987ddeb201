// SPDX-License-Identifier: Apache-2.0
#include "agent/otlp_environment.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace hostlens::agent {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kMostTimeoutMs = 3'600'000;

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Percent-decoding of W3C Baggage values; nullopt for control characters, which HTTP refuses.
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    }
    if ((c >= 0 && c < ' ') || c == 0x7f) return std::nullopt;
    out += c;
  }
  return out;
}

/// "key=value,key=value". nullopt when any part is not of that form.
std::optional<Headers> parse_headers(std::string_view text) {
  Headers headers;
  while (!text.empty()) {
    const std::string_view part = trim(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(
        text.size(), text.find(',') == std::string_view::npos ? text.size() : text.find(',') + 1));
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    const std::string_view name = trim(part.substr(0, equals));
    const auto value = decode(trim(part.substr(equals + 1)));
    if (name.empty() || !value || name.find_first_of(" \t:\r\n") != std::string_view::npos) {
      return std::nullopt;
    }
    headers.emplace_back(name, *value);
  }
  return headers;
}

bool is_url(std::string_view text) {
  return (text.starts_with("http://") && text.size() > 7) ||
         (text.starts_with("https://") && text.size() > 8);
}

std::string append_path(std::string url, std::string_view path) {
  if (url.empty()) return url;
  if (!url.ends_with('/')) url += '/';
  return url.append(path);
}

class SignalReader {
 public:
  SignalReader(const OtlpSettings& configured, const Environment& environment, std::string signal,
               std::string_view path, std::vector<std::string>& warnings)
      : configured_(configured),
        environment_(environment),
        signal_(std::move(signal)),
        path_(path),
        warnings_(warnings) {}

  OtlpSignalSettings read() {
    OtlpSignalSettings settings;
    settings.url = url();
    read_headers(settings);
    read_compression(settings);
    read_timeout(settings);
    return settings;
  }

 private:
  /// The signal's own variable, else the general one; `name` becomes whichever it was.
  std::string variable(std::string_view suffix, std::string& name) {
    name = "OTEL_EXPORTER_OTLP_" + signal_ + "_" + std::string(suffix);
    std::string value = environment_(name.c_str());
    if (!value.empty()) return value;
    name = "OTEL_EXPORTER_OTLP_" + std::string(suffix);
    return environment_(name.c_str());
  }
  void warn(const std::string& name, std::string_view why) {
    warnings_.push_back(name + ": " + std::string(why) + ", ignored");
  }

  std::string url() {
    if (configured_.endpoint) return append_path(*configured_.endpoint, path_);
    std::string name;
    const std::string protocol = variable("PROTOCOL", name);
    const std::string own = "OTEL_EXPORTER_OTLP_" + signal_ + "_ENDPOINT";
    const std::string endpoint = variable("ENDPOINT", endpoint_name_);
    if (endpoint.empty()) return "";
    if (!protocol.empty() && protocol != "http/protobuf" && !configured_.protocol) {
      // Sending HTTP to a gRPC port would fail for ever: better nothing, said aloud.
      warnings_.push_back(name + "=" + protocol + ": only http/protobuf is spoken, " +
                          endpoint_name_ + " ignored");
      return "";
    }
    if (!is_url(endpoint)) {
      warn(endpoint_name_, "not an http:// or https:// URL");
      return "";
    }
    return endpoint_name_ == own ? endpoint : append_path(endpoint, path_);
  }

  void read_headers(OtlpSignalSettings& settings) {
    if (configured_.headers) {
      settings.headers = *configured_.headers;
      return;
    }
    std::string name;
    const auto headers = parse_headers(variable("HEADERS", name));
    if (headers) {
      settings.headers = *headers;
    } else {
      warn(name, "not of the form name=value,name=value");
    }
  }

  void read_compression(OtlpSignalSettings& settings) {
    if (configured_.compression) {
      settings.compression = *configured_.compression;
      return;
    }
    std::string name;
    const std::string value = variable("COMPRESSION", name);
    if (value.empty()) return;
    if (value != "gzip" && value != "none") return warn(name, "neither gzip nor none");
    settings.compression = value == "gzip" ? Compression::kGzip : Compression::kNone;
  }

  void read_timeout(OtlpSignalSettings& settings) {
    if (configured_.timeout_ns) {
      settings.timeout_ns = *configured_.timeout_ns;
      return;
    }
    std::string name;
    const std::string value = variable("TIMEOUT", name);
    if (value.empty()) return;
    const auto milliseconds = parse_count(value);
    if (!milliseconds || *milliseconds == 0 || *milliseconds > kMostTimeoutMs) {
      return warn(name, "not a number of milliseconds from 1 to 3600000");
    }
    settings.timeout_ns = *milliseconds * kNsPerMs;
  }

  const OtlpSettings& configured_;
  const Environment& environment_;
  std::string signal_;
  std::string_view path_;
  std::vector<std::string>& warnings_;
  std::string endpoint_name_;
};

}  // namespace

Environment process_environment() {
  return [](const char* name) {
    const char* value = ::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
}

OtlpDestinations otlp_destinations(const OtlpSettings& configured, const Environment& environment) {
  OtlpDestinations out;
  out.traces = SignalReader(configured, environment, "TRACES", "v1/traces", out.warnings).read();
  std::vector<std::string> more;
  out.metrics = SignalReader(configured, environment, "METRICS", "v1/metrics", more).read();
  out.profiles =
      SignalReader(configured, environment, "PROFILES", "v1development/profiles", more).read();
  for (std::string& warning : more) {
    if (std::find(out.warnings.begin(), out.warnings.end(), warning) == out.warnings.end()) {
      out.warnings.push_back(std::move(warning));
    }
  }
  return out;
}

}  // namespace hostlens::agent
