// SPDX-License-Identifier: Apache-2.0
#include "processors/route_templater.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace hostlens::processors {
namespace {

constexpr size_t kUuidLength = 36;
constexpr size_t kHashLength = 8;    ///< shortest hexadecimal text that is taken for a hash
constexpr size_t kTokenLength = 16;  ///< shortest mixed text that is taken for a token

/// What a segment is made of, gathered in one pass.
struct Census {
  size_t digits = 0;
  size_t hex_letters = 0;
  size_t lower = 0;
  size_t upper = 0;
  size_t dashes = 0;
  size_t base64 = 0;  ///< + = _ ~ and percent signs
  size_t dots = 0;
  size_t others = 0;
  bool at = false;
};

Census take_census(std::string_view segment) {
  Census census;
  for (const char c : segment) {
    if (c >= '0' && c <= '9') {
      ++census.digits;
    } else if (c >= 'a' && c <= 'z') {
      ++census.lower;
      if (c <= 'f') ++census.hex_letters;
    } else if (c >= 'A' && c <= 'Z') {
      ++census.upper;
      if (c <= 'F') ++census.hex_letters;
    } else if (c == '-') {
      ++census.dashes;
    } else if (c == '.') {
      ++census.dots;
    } else if (c == '+' || c == '=' || c == '_' || c == '~' || c == '%') {
      ++census.base64;
    } else {
      census.at = census.at || c == '@';
      ++census.others;
    }
  }
  return census;
}

bool is_uuid(std::string_view segment, const Census& census) {
  return segment.size() == kUuidLength && census.dashes == 4 && segment[8] == '-' &&
         segment[13] == '-' && segment[18] == '-' && segment[23] == '-' &&
         census.digits + census.hex_letters == kUuidLength - 4;
}

/// 2026-11-24, with or without a time behind it.
bool is_date(std::string_view segment) {
  static constexpr std::string_view kShape = "0000-00-00";
  if (segment.size() < kShape.size()) return false;
  for (size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = segment[i] >= '0' && segment[i] <= '9';
    if (kShape[i] == '0' ? !digit : segment[i] != '-') return false;
  }
  return segment.size() == kShape.size() || segment[10] == 'T' || segment[10] == ' ';
}

/// 1 for the bytes of which every text that a placeholder stands for has one: digits, "@" and upper
/// case.
constexpr std::array<uint8_t, 256> kTelling = [] {
  std::array<uint8_t, 256> table{};
  for (size_t c = '0'; c <= '9'; ++c) table[c] = 1;
  for (size_t c = '@'; c <= 'Z'; ++c) table[c] = 1;
  return table;
}();

/// Calls `use` with each segment behind a slash; stops early when it returns false.
template <typename Use>
void for_each_segment(std::string_view path, Use use) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const size_t end = std::min(path.find('/'), path.size());
    if (!use(path.substr(0, end))) return;
    path.remove_prefix(end);
  }
}

}  // namespace

std::string_view segment_placeholder(std::string_view segment) {
  if (std::none_of(segment.begin(), segment.end(),
                   [](char c) { return kTelling[static_cast<uint8_t>(c)] != 0; })) {
    return {};
  }
  const Census census = take_census(segment);
  const size_t letters = census.lower + census.upper;
  if (is_date(segment)) return "{date}";
  if (census.digits > 0 && letters == 0 && census.others == 0) return "{id}";
  if (is_uuid(segment, census)) return "{uuid}";
  if (census.at && census.dots > 0) return "{email}";
  const size_t plain = census.digits + letters;
  if (plain == segment.size() && plain >= kHashLength && census.digits > 0 &&
      census.digits + census.hex_letters == plain) {
    return "{hash}";
  }
  // Words with a number ("v2", "oauth2callback") stay; long mixtures of cases and digits do not.
  const bool mixed = census.digits >= 2 && census.lower > 0 && census.upper > 0;
  const bool many_digits = census.digits * 3 >= segment.size() && letters > 0 && census.dots == 0;
  if (segment.size() >= kTokenLength && census.others == 0 && (mixed || many_digits))
    return "{token}";
  if (census.dots == 2 && census.upper > 0 && segment.size() > 60) return "{token}";  // a JWT
  return {};
}

base::Result<RouteTemplater> RouteTemplater::create(RouteSettings settings) {
  RouteTemplater templater(std::move(settings));
  for (const std::string& text : templater.settings_.patterns) {
    if (!text.starts_with('/')) {
      return base::invalid_error("route pattern \"" + text + "\" does not start with \"/\"");
    }
    Pattern pattern{text, {}, false};
    bool behind_star = false;
    for_each_segment(text, [&](std::string_view segment) {
      behind_star = behind_star || pattern.open_end;
      if (segment == "*") {
        pattern.open_end = true;
      } else {
        const bool any = segment.size() >= 2 && segment.front() == '{' && segment.back() == '}';
        pattern.segments.emplace_back(any ? std::string_view() : segment);
        behind_star = behind_star || (!any && segment.find('*') != std::string_view::npos);
      }
      return true;
    });
    if (behind_star) {
      return base::invalid_error("route pattern \"" + text +
                                 "\": \"*\" may only be its last segment");
    }
    if (pattern.segments.size() == 1 && pattern.segments.front().empty() && text == "/") {
      pattern.segments.clear();
    }
    templater.patterns_.push_back(std::move(pattern));
  }
  return templater;
}

bool RouteTemplater::matches(const Pattern& pattern, std::string_view path) {
  size_t at = 0;
  bool fits = true;
  if (path == "/") path = {};
  for_each_segment(path, [&](std::string_view segment) {
    if (at == pattern.segments.size()) {
      fits = pattern.open_end;
      return false;
    }
    const std::string& expected = pattern.segments[at++];
    fits = expected.empty() ? !segment.empty() : segment == expected;
    return fits;
  });
  return fits && at == pattern.segments.size();
}

std::string_view RouteTemplater::configured_route(std::string_view path) const {
  if (!path.starts_with('/')) return {};
  for (const Pattern& pattern : patterns_) {
    if (matches(pattern, path)) return pattern.text;
  }
  return {};
}

RouteTemplater::Routes& RouteTemplater::routes_of(uint64_t service) {
  if (last_routes_ != nullptr && service == last_service_) return *last_routes_;
  auto found = services_.find(service);
  if (found == services_.end()) {
    const uint64_t key = services_.size() < settings_.services ? service : 0;
    found = services_.try_emplace(key).first;
  }
  last_service_ = service;
  last_routes_ = &found->second;
  return *last_routes_;
}

std::string_view RouteTemplater::templated(std::string_view path) {
  size_t size = 0;    // of what is in scratch_
  size_t copied = 0;  // bytes of the path that it stands for
  const auto append = [&](std::string_view text) {
    const size_t fitting = std::min(text.size(), scratch_.size() - size);
    std::memcpy(scratch_.data() + size, text.data(), fitting);
    size += fitting;
    return fitting == text.size();
  };
  uint8_t telling = 0;
  size_t begin = 1;  // of the segment
  for (size_t i = 1;; ++i) {
    if (i < path.size() && path[i] != '/') {
      telling |= kTelling[static_cast<uint8_t>(path[i])];
      continue;
    }
    if (telling != 0) {
      const std::string_view placeholder = segment_placeholder(path.substr(begin, i - begin));
      if (!placeholder.empty()) {
        if (!append(path.substr(copied, begin - copied)) || !append(placeholder)) return {};
        copied = i;
      }
    }
    if (i >= path.size()) break;
    begin = i + 1;
    telling = 0;
  }
  if (copied == 0) return path.size() <= kRouteBytes ? path : std::string_view();
  if (!append(path.substr(copied))) return {};
  return {scratch_.data(), size};
}

std::string_view RouteTemplater::route(uint64_t service, std::string_view path, bool learn) {
  if (!path.starts_with('/')) return {};
  if (!patterns_.empty()) {
    const std::string_view configured = configured_route(path);
    if (!configured.empty()) return configured;
  }
  const std::string_view text = templated(path);
  if (text.empty()) return {};
  Routes& routes = routes_of(service);
  const auto known = routes.find(text);
  if (known != routes.end()) return *known;
  if (!learn) return {};
  if (routes.size() >= settings_.routes_per_service) {
    ++overflowed_;
    return {};
  }
  return *routes.emplace(text).first;
}

}  // namespace hostlens::processors
