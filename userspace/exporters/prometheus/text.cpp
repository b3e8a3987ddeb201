// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace hostlens::exporters::prometheus {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_plain(unsigned char c) { return (c >= 0x20 && c < 0x7F) || c == '\n' || c == '\t'; }

/// Length of the character at the beginning, 0 when there is none or it is a control character.
size_t printable_length(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < 0x80) return is_plain(lead) ? 1 : 0;
  const bool c1_control = lead == 0xC2 && bytes.size() > 1 && static_cast<uint8_t>(bytes[1]) < 0xA0;
  return c1_control ? 0 : base::utf8_length(bytes);
}

template <typename Number>
void append_chars(std::string& out, Number value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

struct ValueText {
  std::string operator()(const std::string& text) const { return clean_text(text); }
  std::string operator()(int64_t number) const { return std::to_string(number); }
  std::string operator()(bool yes) const { return yes ? "true" : "false"; }
  std::string operator()(double number) const {
    std::string text;
    append_number(text, number);
    return text;
  }
  std::string operator()(const std::vector<std::string>& list) const {
    using nlohmann::json;
    return clean_text(json(list).dump(-1, ' ', false, json::error_handler_t::replace));
  }
};

}  // namespace

std::string clean_text(std::string_view bytes, size_t most) {
  const auto plain = [](char c) { return is_plain(static_cast<unsigned char>(c)); };
  if (bytes.size() <= most && std::all_of(bytes.begin(), bytes.end(), plain)) {
    return std::string(bytes);
  }
  std::string text;
  while (!bytes.empty()) {
    const size_t length = printable_length(bytes);
    const std::string_view character = length == 0 ? kReplacement : bytes.substr(0, length);
    if (text.size() + character.size() > most) break;
    text += character;
    bytes.remove_prefix(std::max<size_t>(length, 1));
  }
  return text;
}

std::string label_value(const model::AttributeValue& value) {
  return std::visit(ValueText{}, value);
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    append_chars(out, value);
  }
}

void append_number(std::string& out, int64_t value) { append_chars(out, value); }
void append_number(std::string& out, uint64_t value) { append_chars(out, value); }

}  // namespace hostlens::exporters::prometheus
