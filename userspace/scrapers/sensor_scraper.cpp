// SPDX-License-Identifier: Apache-2.0
#include "scrapers/sensor_scraper.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "discovery/proc_files.h"
#include "scrapers/directory.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

constexpr size_t kMaxChips = 128;
constexpr size_t kMaxChipFiles = 2048;

struct KindRow {
  std::string_view prefix, suffix;
  SensorKind kind;
  double unit;  ///< of the file's number
  aggregators::FamilyName family;
};
constexpr std::array<KindRow, 4> kKinds = {{
    {"temp",
     "_input",
     SensorKind::kTemperature,
     1e-3,
     {"hw.temperature", "Temperature.", "Cel", MetricKind::kGauge}},
    {"fan",
     "_input",
     SensorKind::kFan,
     1,
     {"hw.fan.speed", "Speed of a fan in revolutions per minute.", "rpm", MetricKind::kGauge}},
    {"in",
     "_input",
     SensorKind::kVoltage,
     1e-3,
     {"hw.voltage", "Voltage.", "V", MetricKind::kGauge}},
    {"power",
     "_input",
     SensorKind::kPower,
     1e-6,
     {"hw.power", "Power that is drawn now.", "W", MetricKind::kGauge}},
}};

struct Sensor {
  SensorKind kind = SensorKind::kTemperature;
  std::string id, name, parent, location;
  std::optional<double> value, critical, high;
};

std::string word_of(Scrape& run, const std::string& path) {
  auto text = run.sys(path, Presence::kOptional, 4096);
  if (!text) return {};
  const auto line = next_line(*text);
  return line ? discovery::clean_text(*line, 64) : std::string();
}

std::optional<double> value_of_file(Scrape& run, const std::string& path, double unit) {
  const auto text = run.sys(path, Presence::kOptional, 4096);
  if (!text) return std::nullopt;
  const auto number = only_number<int64_t>(*text);
  if (!number) {
    run.error(Reason::kGarbage);
    return std::nullopt;
  }
  return static_cast<double>(*number) * unit;
}

model::Attributes labels_of(const Sensor& sensor) {
  model::Attributes labels;
  aggregators::put_text(labels, "hw.id", sensor.id);
  aggregators::put_text(labels, "hw.name", sensor.name);
  aggregators::put_text(labels, "hw.parent", sensor.parent);
  aggregators::put_text(labels, "hw.sensor_location", sensor.location);
  return labels;
}

/// Some drivers keep their files one directory deeper (before Linux 3.15 all did).
std::vector<std::string> channels_in(Scrape& run, std::string& folder) {
  std::vector<std::string> files;
  const auto list = [&] {
    for_each_entry(run.roots().sys + "/" + folder, kMaxChipFiles, [&](std::string_view entry) {
      if (parse_sensor_name(entry)) files.emplace_back(entry);
    });
  };
  list();
  if (files.empty()) {
    folder += "/device";
    list();
  }
  std::sort(files.begin(), files.end());
  return files;
}

void read_chip(Scrape& run, const std::string& entry, std::vector<Sensor>& sensors,
               std::set<std::string>& thermal_zones) {
  std::string folder = "class/hwmon/" + entry;
  const std::string chip = word_of(run, folder + "/name");
  const std::string device = link_base_name(run.roots().sys + "/" + folder + "/device");
  if (device.starts_with("thermal_zone")) thermal_zones.insert(device);
  const std::string parent = (chip.empty() ? "hwmon" : chip) + "/" +
                             discovery::clean_text(device.empty() ? entry : device);
  for (const std::string& file : channels_in(run, folder)) {
    const SensorName sensor_name = *parse_sensor_name(file);
    const KindRow& kind = kKinds[static_cast<size_t>(sensor_name.kind)];
    if (sensors.size() == kMaxSensors) return run.error(Reason::kTooMany);
    const std::string channel(sensor_name.channel);
    Sensor sensor;
    sensor.kind = kind.kind;
    sensor.value = value_of_file(run, folder + "/" + file, kind.unit);
    if (!sensor.value) continue;
    sensor.location = word_of(run, folder + "/" + channel + "_label");
    sensor.parent = parent;
    sensor.id = parent + "/" + channel;
    sensor.name = chip + " " + (sensor.location.empty() ? channel : sensor.location);
    if (kind.kind == SensorKind::kTemperature) {
      sensor.critical = value_of_file(run, folder + "/" + channel + "_crit", kind.unit);
      sensor.high = value_of_file(run, folder + "/" + channel + "_max", kind.unit);
    }
    sensors.push_back(std::move(sensor));
  }
}

/// Zones that hwmon does not show besides.
void read_zone(Scrape& run, const std::string& entry, std::vector<Sensor>& sensors) {
  const std::string folder = "class/thermal/" + entry;
  if (sensors.size() == kMaxSensors) return run.error(Reason::kTooMany);
  Sensor sensor;
  sensor.value = value_of_file(run, folder + "/temp", 1e-3);
  if (!sensor.value) return;
  sensor.id = discovery::clean_text(entry, 64);
  sensor.name = word_of(run, folder + "/type");
  sensors.push_back(std::move(sensor));
}

std::vector<std::string> sorted_entries(const std::string& path, std::string_view prefix) {
  std::vector<std::string> entries;
  for_each_entry(path, kMaxChips, [&](std::string_view entry) {
    if (entry.starts_with(prefix)) entries.emplace_back(entry);
  });
  std::sort(entries.begin(), entries.end());
  return entries;
}

}  // namespace

std::optional<SensorName> parse_sensor_name(std::string_view file) {
  for (const KindRow& kind : kKinds) {
    if (!file.starts_with(kind.prefix) || !file.ends_with(kind.suffix)) continue;
    const size_t digits_end = file.size() - kind.suffix.size();
    if (digits_end <= kind.prefix.size()) continue;
    if (!to_number<uint32_t>(file.substr(kind.prefix.size(), digits_end - kind.prefix.size()))) {
      continue;
    }
    return SensorName{kind.kind, file.substr(0, digits_end)};
  }
  return std::nullopt;
}

void SensorScraper::scrape(Scrape& run) noexcept {
  std::vector<Sensor> sensors;
  std::set<std::string> thermal_zones;
  for (const std::string& entry : sorted_entries(run.roots().sys + "/class/hwmon", "hwmon")) {
    read_chip(run, entry, sensors, thermal_zones);
  }
  for (const std::string& entry :
       sorted_entries(run.roots().sys + "/class/thermal", "thermal_zone")) {
    if (!thermal_zones.contains(entry)) read_zone(run, entry, sensors);
  }
  for (const KindRow& kind : kKinds) {
    run.list().add(kind.family, [&](model::MetricFamily& family) {
      for (const Sensor& sensor : sensors) {
        if (sensor.kind == kind.kind) run.point(family, labels_of(sensor), *sensor.value);
      }
    });
  }
  run.list().add({"hw.temperature.limit", "Temperature that should not be reached.", "Cel",
                  MetricKind::kGauge},
                 [&](model::MetricFamily& family) {
                   const auto add = [&](const Sensor& sensor, std::string_view type,
                                        std::optional<double> limit) {
                     if (!limit) return;
                     run.point(family, aggregators::with(labels_of(sensor), "hw.limit_type", type),
                               *limit);
                   };
                   for (const Sensor& sensor : sensors) {
                     add(sensor, "high.critical", sensor.critical);
                     add(sensor, "high.degraded", sensor.high);
                   }
                 });
}

}  // namespace hostlens::scrapers
