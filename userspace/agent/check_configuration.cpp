// SPDX-License-Identifier: Apache-2.0
// The list of checks, and pairs of thresholds, in a configuration.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "agent/configuration_value.h"
#include "agent/quantity.h"
#include "agent/suggestion.h"
#include "checks/target.h"

namespace hostlens::agent {
namespace {

using checks::CheckSettings;
using checks::CheckType;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kMostChecks = 64;
constexpr size_t kMostWords = 64;

constexpr std::array<std::string_view, 7> kKeys = {"name",     "type",    "target",  "command",
                                                   "interval", "timeout", "failures"};

bool is_check_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

/// One of the two numbers of a pair of levels.
std::optional<double> level_of(std::string_view text, LevelUnit unit) {
  if (unit == LevelUnit::kSeconds) {
    const auto duration = parse_duration_ns(text);
    return duration ? std::optional<double>(static_cast<double>(*duration) / 1e9) : std::nullopt;
  }
  const bool percent = unit == LevelUnit::kPercent;
  if (percent) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
  }
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!(number >= 0) || number > (percent ? 100 : 1e9)) return std::nullopt;
  return percent ? number / 100 : number;
}

}  // namespace

void ConfigurationValue::read_levels(health::Levels& out, LevelUnit unit, bool high_is_bad) {
  std::string both;
  if (node_.kind == YamlNode::Kind::kSequence) {
    for (const YamlNode& item : node_.items) both += (both.empty() ? "" : ",") + item.text;
  } else if (const auto given = text()) {
    both = *given;
  } else {
    return;
  }
  std::erase(both, ' ');
  const size_t comma = std::min(both.find(','), both.size());
  const auto degraded = level_of(both.substr(0, comma), unit);
  const auto failing = comma < both.size() ? level_of(both.substr(comma + 1), unit) : std::nullopt;
  if (!degraded || !failing) return fail(fmt::format("\"{}\" is no such pair", both));
  // Equal ones would leave open which side is bad, and for a low one none may be beyond zero.
  if (high_is_bad ? *failing < *degraded || *degraded <= 0 : *failing >= *degraded) {
    return fail(fmt::format("\"{}\": the second must be the worse one", both));
  }
  out = {*degraded, *failing};
}

void ConfigurationValue::read_checks(std::vector<CheckSettings>& out) {
  if (!expect(node_, YamlNode::Kind::kSequence, path_)) return;
  out.clear();
  if (node_.items.size() > kMostChecks) return fail(fmt::format("more than {}", kMostChecks));
  for (size_t i = 0; i < node_.items.size(); ++i) {
    CheckSettings check;
    const size_t errors_before = errors_.size();
    const std::string path = fmt::format("{}[{}]", path_, i);
    read_check(node_.items[i], path, check);
    if (errors_.size() != errors_before) continue;
    const auto same = [&](const CheckSettings& other) { return other.name == check.name; };
    if (std::any_of(out.begin(), out.end(), same)) {
      fail_at(node_.items[i].line, path + ".name", "\"" + check.name + "\" is there twice", "");
      continue;
    }
    out.push_back(std::move(check));
  }
}

void ConfigurationValue::read_check(const YamlNode& node, const std::string& path,
                                    CheckSettings& out) {
  if (!expect(node, YamlNode::Kind::kMapping, path)) return;
  bool has_type = false;
  bool has_timeout = false;
  int target_line = node.line;
  const size_t errors_before = errors_.size();
  for (const YamlNode::Entry& entry : node.entries) {
    const std::string place = path + "." + entry.key;
    if (std::find(kKeys.begin(), kKeys.end(), entry.key) == kKeys.end()) {
      unknown_key(entry, path, kKeys);
      continue;
    }
    if (entry.key == "command") {
      read_command(entry.value, place, out.command);
      continue;
    }
    ConfigurationValue value(entry.value, place, allowed_of_check(entry.key), file_, errors_);
    if (entry.key == "interval") value.read_duration(out.interval_ns, kSecond, 86'400 * kSecond);
    if (entry.key == "timeout") value.read_duration(out.timeout_ns, kSecond / 100, 600 * kSecond);
    if (entry.key == "failures") value.read_count(out.failures, 1, 100);
    has_timeout |= entry.key == "timeout";
    if (entry.key != "name" && entry.key != "type" && entry.key != "target") continue;
    const auto text = value.text();
    if (!text) continue;
    if (entry.key == "name") {
      out.name = *text;
      if (!is_check_name(out.name)) value.fail("\"" + out.name + "\" is no name");
    } else if (entry.key == "target") {
      out.target = *text;
      target_line = entry.line;
    } else {
      const auto* type = std::find(checks::kTypeNames.begin(), checks::kTypeNames.end(), *text);
      has_type = type != checks::kTypeNames.end();
      if (!has_type) {
        value.fail("\"" + *text + "\" is none of them");
        continue;
      }
      out.type = static_cast<CheckType>(type - checks::kTypeNames.begin());
    }
  }
  if (errors_.size() != errors_before) return;
  if (out.name.empty()) return fail_at(node.line, path, "name is missing", "");
  if (!has_type) return fail_at(node.line, path, "type is missing", allowed_of_check("type"));
  if (!has_timeout) out.timeout_ns = std::min(out.timeout_ns, out.interval_ns);
  if (out.timeout_ns > out.interval_ns) {
    return fail_at(node.line, path + ".timeout", "it is longer than the interval", "");
  }
  check_what_is_asked(path, node.line, target_line, out);
}

std::string_view ConfigurationValue::allowed_of_check(std::string_view key) {
  if (key == "name") return "1 to 64 letters, digits and -_.";
  if (key == "type") {
    return "tcp, http, grpc, dns, tls, unit, process, file_age, disk, command";
  }
  if (key == "interval") return "a duration, 1s to 24h";
  if (key == "timeout") return "a duration, 10ms to 10m";
  return key == "failures" ? "1 to 100" : "";
}

void ConfigurationValue::read_command(const YamlNode& node, const std::string& path,
                                      std::vector<std::string>& out) {
  constexpr std::string_view kAllowed = "a list of the program and its arguments";
  if (node.kind != YamlNode::Kind::kSequence || node.items.empty() ||
      node.items.size() > kMostWords) {
    return fail_at(node.line, path, "no list of 1 to 64 words", kAllowed);
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const YamlNode& word = node.items[i];
    if (word.kind != YamlNode::Kind::kScalar || word.text.find('\0') != std::string::npos) {
      return fail_at(word.line, fmt::format("{}[{}]", path, i), "no word", kAllowed);
    }
    out.push_back(word.text);
  }
  if (out[0].empty()) fail_at(node.line, path, "the program's name is empty", kAllowed);
}

void ConfigurationValue::check_what_is_asked(const std::string& path, int line, int target_line,
                                             const CheckSettings& check) {
  const std::string type(checks::name_of(check.type));
  if (check.type == CheckType::kCommand) {
    if (check.command.empty()) fail_at(line, path, "command is missing", "a list of words");
    if (!check.target.empty()) fail_at(target_line, path, "a command has no target", "");
    return;
  }
  if (!check.command.empty()) {
    return fail_at(line, path + ".command", "only type command has one", "");
  }
  const std::string_view allowed = checks::target_allowed(check.type);
  if (check.target.empty()) return fail_at(line, path, "target is missing", allowed);
  const auto target = checks::parse_target(check.type, check.target);
  if (target) return;
  fail_at(target_line, path + ".target",
          fmt::format("\"{}\": {}", check.target, target.error().message), allowed);
}

}  // namespace hostlens::agent
