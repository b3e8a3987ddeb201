// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/accept.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace hostlens::exporters::prometheus {
namespace {

constexpr std::string_view kMessage = "io.prometheus.client.MetricFamily";

struct Offer {
  Format format;
  std::string_view type;
  std::string_view version;   ///< "" when the type has none
  bool by_wildcard;           ///< may be chosen by "*/*" or "application/*"
  std::string_view response;  ///< exactly what Prometheus' own client libraries answer
};

/// In the order of preference when a wildcard leaves the choice to us.
constexpr std::array<Offer, 4> kOffers = {{
    {Format::kText, "text/plain", "0.0.4", true, "text/plain; version=0.0.4; charset=utf-8"},
    {Format::kOpenMetrics, "application/openmetrics-text", "1.0.0", true,
     "application/openmetrics-text; version=1.0.0; charset=utf-8"},
    {Format::kOpenMetrics, "application/openmetrics-text", "0.0.1", false,
     "application/openmetrics-text; version=0.0.1; charset=utf-8"},
    {Format::kProtobuf, "application/vnd.google.protobuf", "", false,
     "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
     "encoding=delimited"},
}};

struct MediaRange {
  std::string_view type;
  std::string_view version;
  std::string_view proto;
  std::string_view encoding;
  bool escaping = false;
  int quality = 1000;  ///< thousandths: a q-value has at most three digits
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Cuts the part before the next separator that stands outside of quotes.
std::string_view take_part(std::string_view& rest, char separator) {
  bool quoted = false;
  size_t end = 0;
  for (; end < rest.size(); ++end) {
    const char c = rest[end];
    if (quoted && c == '\\') {
      ++end;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == separator && !quoted) {
      break;
    }
  }
  end = std::min(end, rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim(part);
}

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    return value.substr(1, value.size() - 2);
  }
  return value;
}

/// Malformed q-values mean 0: whoever wrote them did not mean "best".
int parse_quality(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  int quality = (text[0] - '0') * 1000;
  int unit = 100;
  for (const char digit : text.substr(std::min<size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') return 0;
    quality += (digit - '0') * unit;
    unit /= 10;
  }
  return std::min(quality, 1000);
}

MediaRange parse_range(std::string_view text) {
  MediaRange range;
  range.type = take_part(text, ';');
  while (!text.empty()) {
    std::string_view value = take_part(text, ';');
    const std::string_view name = take_part(value, '=');
    value = unquoted(trim(value));
    if (same(name, "q")) range.quality = parse_quality(value);
    if (same(name, "version")) range.version = value;
    if (same(name, "proto")) range.proto = value;
    if (same(name, "encoding")) range.encoding = value;
    if (same(name, "escaping")) range.escaping = true;
  }
  return range;
}

/// 0: no match; more is more specific, and overrides what a wider range says.
int specificity(const MediaRange& range, const Offer& offer) {
  if (same(range.type, offer.type)) {
    if (offer.format == Format::kProtobuf) {
      return same(range.proto, kMessage) && same(range.encoding, "delimited") ? 4 : 0;
    }
    if (range.version.empty()) return offer.by_wildcard ? 3 : 0;
    return range.version == offer.version ? 4 : 0;
  }
  if (!offer.by_wildcard || !range.version.empty()) return 0;
  if (range.type == "*/*") return 1;
  const size_t slash = offer.type.find('/');
  const bool family = range.type.size() == slash + 2 && range.type.ends_with("/*") &&
                      same(range.type.substr(0, slash), offer.type.substr(0, slash));
  return family ? 2 : 0;
}

struct Verdict {
  int specificity = 0;
  int quality = 0;
  size_t position = 0;
  bool escaping = false;
};

}  // namespace

Negotiated negotiate(std::string_view accept) {
  accept = accept.substr(0, kMaxAcceptBytes);
  std::array<Verdict, kOffers.size()> verdicts;
  for (size_t position = 0; !accept.empty(); ++position) {
    const MediaRange range = parse_range(take_part(accept, ','));
    for (size_t i = 0; i < kOffers.size(); ++i) {
      const int rank = specificity(range, kOffers[i]);
      if (rank > verdicts[i].specificity) {
        verdicts[i] = {rank, range.quality, position, range.escaping};
      }
    }
  }
  size_t best = 0;
  for (size_t i = 1; i < kOffers.size(); ++i) {
    const Verdict& a = verdicts[i];
    const Verdict& b = verdicts[best];
    const bool earlier = a.quality == b.quality && a.position < b.position;
    if (a.quality > b.quality || (a.quality > 0 && earlier)) best = i;
  }
  std::string content_type(kOffers[best].response);
  if (verdicts[best].escaping) content_type += "; escaping=underscores";
  return {kOffers[best].format, std::move(content_type)};
}

}  // namespace hostlens::exporters::prometheus
