// SPDX-License-Identifier: Apache-2.0
// /sys/class/hwmon and /sys/class/thermal: hw.* of the hardware conventions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

enum class SensorKind : uint8_t { kTemperature, kFan, kVoltage, kPower };

/// "temp12_input" -> {kTemperature, "temp12"} (kernel documentation, hwmon/sysfs-interface);
/// nullopt for every other attribute.
struct SensorName {
  SensorKind kind = SensorKind::kTemperature;
  std::string_view channel;
};
[[nodiscard]] std::optional<SensorName> parse_sensor_name(std::string_view file);

inline constexpr size_t kMaxSensors = 256;

class SensorScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "sensor"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
