// SPDX-License-Identifier: Apache-2.0
// The texts that people write for durations, sizes and addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hostlens::agent {

/// Nanoseconds of "250ms", "10s", "5m", "1h30m"; units ns, us, ms, s, m, h, d. Whole numbers, a
/// unit always. nullopt: not such a text, or it does not fit.
[[nodiscard]] std::optional<uint64_t> parse_duration_ns(std::string_view text);

/// Bytes of "4096", "64KiB", "4MiB", "1GiB". Only powers of 1024, so that nobody has to guess.
[[nodiscard]] std::optional<uint64_t> parse_size_bytes(std::string_view text);

/// Decimal digits only.
[[nodiscard]] std::optional<uint64_t> parse_count(std::string_view text);

struct HostPort {
  std::string host;  ///< without brackets, never empty
  uint16_t port = 0;
  [[nodiscard]] std::string text() const;  ///< "127.0.0.1:80", "[::1]:80"
  bool operator==(const HostPort&) const = default;
};

/// "HOST:PORT", "[V6]:PORT" or ":PORT" (127.0.0.1). Hosts are IP addresses or "localhost": no name
/// is looked up.
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text);

/// "1.5 s", "12 ms", "340 us": three significant digits for a table.
[[nodiscard]] std::string duration_text(double seconds);
/// "0", "0.42", "17.3", "340", "12.3k", "4.56M": three significant digits, without a blank.
[[nodiscard]] std::string count_text(double count);
/// "17 B", "1.2 KiB", "3.4 GiB".
[[nodiscard]] std::string size_text(double bytes);

}  // namespace hostlens::agent
