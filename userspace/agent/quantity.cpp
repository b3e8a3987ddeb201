// SPDX-License-Identifier: Apache-2.0
#include "agent/quantity.h"

#include <arpa/inet.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace hostlens::agent {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array<Unit, 7> kDurationUnits = {{{"ns", 1},
                                                 {"us", 1'000},
                                                 {"ms", 1'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"h", 3'600'000'000'000},
                                                 {"d", 86'400'000'000'000}}};
constexpr std::array<Unit, 5> kSizeUnits = {
    {{"", 1}, {"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}}};

/// Takes digits off the front; nullopt when there are none or they do not fit.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

template <size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

bool is_ip(const std::string& host, bool bracketed) {
  in6_addr address{};
  if (bracketed) return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

}  // namespace

std::optional<uint64_t> parse_duration_ns(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t total = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const size_t unit_size = std::min(text.find_first_of("0123456789"), text.size());
    const Unit* unit = find_unit(kDurationUnits, text.substr(0, unit_size));
    uint64_t part = 0;
    if (unit == nullptr || __builtin_mul_overflow(*number, unit->factor, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return std::nullopt;
    }
    text.remove_prefix(unit_size);
  }
  return total;
}

std::optional<uint64_t> parse_size_bytes(std::string_view text) {
  const auto number = take_number(text);
  const Unit* unit = find_unit(kSizeUnits, text);
  uint64_t bytes = 0;
  if (!number || unit == nullptr || __builtin_mul_overflow(*number, unit->factor, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

std::optional<uint64_t> parse_count(std::string_view text) {
  const auto number = take_number(text);
  return text.empty() ? number : std::nullopt;
}

std::string HostPort::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

std::optional<HostPort> parse_host_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_count(text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  std::string host(text.substr(0, colon));
  if (host.empty()) host = "127.0.0.1";
  if (host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!is_ip(host, bracketed)) return std::nullopt;
  return HostPort{std::move(host), static_cast<uint16_t>(*port)};
}

namespace {

std::string three_digits(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

}  // namespace

std::string duration_text(double seconds) {
  if (seconds >= 0.9995) return three_digits(seconds) + " s";
  if (seconds >= 0.0009995) return three_digits(seconds * 1e3) + " ms";
  return three_digits(seconds * 1e6) + " us";
}

std::string count_text(double count) {
  constexpr std::array<const char*, 5> kNames = {"", "k", "M", "G", "T"};
  if (count < 999.5 && count == std::floor(count)) return fmt::format("{:.0f}", count);
  size_t i = 0;
  for (; count >= 999.5 && i + 1 < kNames.size(); ++i) count /= 1000;
  return three_digits(count) + kNames[i];
}

std::string size_text(double bytes) {
  constexpr std::array<const char*, 4> kNames = {" KiB", " MiB", " GiB", " TiB"};
  if (bytes < 1024) return fmt::format("{:.0f} B", bytes);
  size_t i = 0;
  for (bytes /= 1024; bytes >= 1024 && i + 1 < kNames.size(); ++i) bytes /= 1024;
  return three_digits(bytes) + kNames[i];
}

}  // namespace hostlens::agent
