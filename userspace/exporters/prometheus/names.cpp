// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/names.h"

#include <array>

namespace hostlens::exporters::prometheus {
namespace {

struct UnitWord {
  std::string_view ucum;
  std::string_view word;
  std::string_view per;  ///< behind a slash; "" when it is the same
};

constexpr std::array<UnitWord, 27> kUnits = {{
    {"d", "days", "day"},       {"h", "hours", "hour"},     {"min", "minutes", "minute"},
    {"s", "seconds", "second"}, {"ms", "milliseconds", ""}, {"us", "microseconds", ""},
    {"ns", "nanoseconds", ""},  {"By", "bytes", ""},        {"KiBy", "kibibytes", ""},
    {"MiBy", "mebibytes", ""},  {"GiBy", "gibibytes", ""},  {"TiBy", "tibibytes", ""},
    {"kBy", "kilobytes", ""},   {"MBy", "megabytes", ""},   {"GBy", "gigabytes", ""},
    {"bit", "bits", ""},        {"m", "meters", "meter"},   {"V", "volts", ""},
    {"A", "amperes", ""},       {"J", "joules", ""},        {"W", "watts", ""},
    {"g", "grams", ""},         {"Cel", "celsius", ""},     {"Hz", "hertz", ""},
    {"%", "percent", ""},       {"mo", "months", "month"},  {"wk", "weeks", "week"},
}};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What a name may not hold becomes one underscore, runs of them collapse.
std::string with_underscores(std::string_view text, bool colon_allowed) {
  std::string name;
  name.reserve(text.size() + 16);
  for (const char c : text) {
    const bool good = is_letter(c) || is_digit(c) || (colon_allowed && c == ':');
    if (good) {
      name += c;
    } else if (name.empty() || name.back() != '_') {
      name += '_';
    }
  }
  return name;
}

/// "{request}/s" -> "/s": annotations say what is counted, not in which unit.
std::string without_annotations(std::string_view unit) {
  std::string plain;
  bool inside = false;
  for (const char c : unit) {
    if (c == '{') inside = true;
    if (!inside && c != ' ') plain += c;
    if (c == '}') inside = false;
  }
  return plain;
}

std::string unit_word(std::string_view ucum, bool per) {
  for (const UnitWord& unit : kUnits) {
    if (unit.ucum == ucum) return std::string(per && !unit.per.empty() ? unit.per : unit.word);
  }
  std::string word = with_underscores(ucum, false);
  while (word.starts_with('_')) word.erase(0, 1);
  while (word.ends_with('_')) word.pop_back();
  return word;
}

std::string unit_words(std::string_view unit, model::MetricKind kind) {
  if (unit == "1") return kind == model::MetricKind::kGauge ? "ratio" : "";
  const std::string plain = without_annotations(unit);
  const size_t slash = plain.find('/');
  std::string words = unit_word(std::string_view(plain).substr(0, slash), false);
  if (words == "1") words.clear();
  if (slash != std::string::npos) {
    const std::string per = unit_word(std::string_view(plain).substr(slash + 1), true);
    if (!per.empty()) words.append(words.empty() ? "per_" : "_per_").append(per);
  }
  return words;
}

bool ends_in_word(std::string_view name, std::string_view word) {
  return name.ends_with(word) &&
         (name.size() == word.size() || name[name.size() - word.size() - 1] == '_');
}

bool has_word(std::string_view name, std::string_view word) {
  return ends_in_word(name, word) ||
         ("_" + std::string(name)).find("_" + std::string(word) + "_") != std::string::npos;
}

}  // namespace

FamilyName family_name(std::string_view name, std::string_view unit, model::MetricKind kind) {
  FamilyName family;
  family.name = with_underscores(name, true);
  if (family.name.empty() || is_digit(family.name[0])) family.name.insert(0, "_");
  if (kind == model::MetricKind::kCounter) {
    while (family.name.size() > 6 && family.name.ends_with("_total")) {
      family.name.resize(family.name.size() - 6);
    }
  }
  const std::string words = unit_words(unit, kind);
  if (words.empty()) return family;
  if (!has_word(family.name, words)) {
    if (!family.name.ends_with('_')) family.name += '_';
    family.name += words;
  }
  if (ends_in_word(family.name, words)) family.unit = words;
  return family;
}

std::string label_name(std::string_view key) {
  std::string name = with_underscores(key.substr(0, kMaxLabelNameBytes - 4), false);
  if (name.empty() || is_digit(name[0]) || name == "le" || name == "quantile") {
    name.insert(0, "key_");
  }
  return name;
}

}  // namespace hostlens::exporters::prometheus
