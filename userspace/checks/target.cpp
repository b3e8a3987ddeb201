// SPDX-License-Identifier: Apache-2.0
#include "checks/target.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace hostlens::checks {
namespace {

using base::Error;
using base::Result;

constexpr size_t kLongest = 2048;

std::optional<double> number_of(std::string_view text, std::string_view unit) {
  if (!text.ends_with(unit)) return std::nullopt;
  text.remove_suffix(unit.size());
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Seconds of "90s", "15m", "26h", "7d".
std::optional<double> span_of(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  for (const auto& [unit, seconds] : kUnits) {
    if (const auto number = number_of(text, unit)) return *number * seconds;
  }
  return std::nullopt;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != '/';
  });
}

Result<CheckTarget> host_and_port(std::string_view text) {
  CheckTarget out;
  const size_t colon = text.rfind(':');
  const auto port =
      colon == std::string_view::npos ? std::nullopt : number_of(text.substr(colon + 1), "");
  if (!port || *port < 1 || *port > 65535) return base::invalid_error("there is no port");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return base::invalid_error("an IPv6 address needs brackets");
  }
  if (!is_name(host)) return base::invalid_error("there is no host");
  out.host = host;
  out.port = static_cast<uint16_t>(*port);
  return out;
}

Result<CheckTarget> grpc_target(std::string_view text) {
  constexpr std::string_view kSecure = "https://";
  const bool encrypted = text.starts_with(kSecure);
  if (encrypted) text.remove_prefix(kSecure.size());
  const size_t slash = text.find('/');
  auto out = host_and_port(text.substr(0, slash));
  if (!out) return out;
  out->encrypted = encrypted;
  if (slash != std::string_view::npos) out->text = text.substr(slash + 1);
  return out;
}

Result<CheckTarget> url_target(std::string_view text) {
  const bool http = text.starts_with("http://") || text.starts_with("https://");
  const size_t host = text.find("://") + 3;
  if (!http || host >= text.size() || text[host] == '/') {
    return base::invalid_error("that is no URL");
  }
  CheckTarget out;
  out.text = text;
  return out;
}

Result<CheckTarget> name_target(std::string_view text) {
  if (!is_name(text)) return base::invalid_error("that is no name");
  CheckTarget out;
  out.text = text;
  return out;
}

Result<CheckTarget> path_target(std::string_view text) {
  if (!text.starts_with('/')) return base::invalid_error("that is no absolute path");
  CheckTarget out;
  out.text = text;
  return out;
}

std::optional<double> status_of(std::string_view text) {
  const auto status = number_of(text, "");
  return status && *status >= 100 && *status <= 599 ? status : std::nullopt;
}
std::optional<double> days_of(std::string_view text) { return number_of(text, "d"); }
std::optional<double> count_of(std::string_view text) { return number_of(text, ""); }
std::optional<double> share_of(std::string_view text) {
  const auto percent = number_of(text, "%");
  if (!percent || *percent < 1 || *percent > 100) return std::nullopt;
  return *percent / 100;
}

struct TargetForm {
  std::string_view allowed;
  Result<CheckTarget> (*parse)(std::string_view);
  double limit;  ///< when none is given
  std::optional<double> (*parse_limit)(std::string_view);
};

/// By CheckType.
constexpr TargetForm kForms[] = {
    {"HOST:PORT", host_and_port, 0, nullptr},
    {"http://... or https://..., then maybe the status that is expected", url_target, 0, status_of},
    {"HOST:PORT or HOST:PORT/SERVICE, with https:// before it for TLS", grpc_target, 0, nullptr},
    {"a name, then maybe an address that it must have", name_target, 0, nullptr},
    {"HOST:PORT, then maybe the days that the certificate must last (7d)", host_and_port, 7,
     days_of},
    {"a unit", name_target, 0, nullptr},
    {"a program's name, then maybe how many there must be (1)", name_target, 1, count_of},
    {"an absolute path, then maybe its greatest age (1d)", path_target, 86400, span_of},
    {"an absolute path, then maybe how full it may be (90%)", path_target, 0.9, share_of},
    {"", nullptr, 0, nullptr},
};

const TargetForm& form_of(CheckType type) { return kForms[static_cast<size_t>(type)]; }

}  // namespace

std::string_view target_allowed(CheckType type) { return form_of(type).allowed; }

Result<CheckTarget> parse_target(CheckType type, std::string_view text) {
  const TargetForm& form = form_of(type);
  if (form.parse == nullptr) return base::invalid_error("this type has no target");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' '; };
  if (text.size() > kLongest || std::any_of(text.begin(), text.end(), is_control)) {
    return base::invalid_error("it is too long, or has control characters");
  }
  double limit = form.limit;
  std::string wanted;
  if (const size_t blank = text.rfind(' '); blank != std::string_view::npos) {
    const std::string_view behind = text.substr(blank + 1);
    const auto given = form.parse_limit == nullptr ? std::nullopt : form.parse_limit(behind);
    if (given) limit = *given;
    if (type == CheckType::kDns) wanted = behind;
    // A path may have blanks; nothing else may.
    if (given || !wanted.empty()) text = text.substr(0, blank);
  }
  auto out = form.parse(text);
  if (!out) return out;
  out->limit = limit;
  out->wanted = std::move(wanted);
  return out;
}

}  // namespace hostlens::checks
