// SPDX-License-Identifier: Apache-2.0
#include "aggregators/attribute_set.h"

#include <algorithm>
#include <utility>

namespace hostlens::aggregators {
namespace {

auto place_of(model::Attributes& attributes, std::string_view key) {
  return std::lower_bound(
      attributes.begin(), attributes.end(), key,
      [](const model::Attribute& attribute, std::string_view k) { return attribute.key < k; });
}

/// With its length before it, no text can look like two.
void append(std::string& out, std::string_view text) {
  out.append(std::to_string(text.size())).append(":").append(text);
}

}  // namespace

void put(model::Attributes& attributes, std::string_view key, model::AttributeValue value) {
  const auto place = place_of(attributes, key);
  if (place != attributes.end() && place->key == key) {
    place->value = std::move(value);
    return;
  }
  attributes.insert(place, {std::string(key), std::move(value)});
}

void put_text(model::Attributes& attributes, std::string_view key, std::string_view text) {
  if (!text.empty()) put(attributes, key, std::string(text));
}

void put_number(model::Attributes& attributes, std::string_view key, uint64_t number) {
  if (number != 0) put(attributes, key, static_cast<int64_t>(number));
}

model::Attributes with(model::Attributes attributes, std::string_view key, std::string_view text) {
  put(attributes, key, std::string(text));
  return attributes;
}

model::Attributes without(model::Attributes attributes, std::string_view key) {
  const auto place = place_of(attributes, key);
  if (place != attributes.end() && place->key == key) attributes.erase(place);
  return attributes;
}

model::Attributes overflow_attributes() { return {{"otel.metric.overflow", true}}; }

std::string identity(const model::Service& service, const model::Attributes& attributes) {
  std::string text;
  append(text, service.name);
  append(text, service.ns);
  append(text, service.instance_id);
  for (const model::Attribute& attribute : attributes) {
    append(text, attribute.key);
    if (const auto* number = std::get_if<int64_t>(&attribute.value)) {
      text.append("#").append(std::to_string(*number));
    } else if (const auto* value = std::get_if<std::string>(&attribute.value)) {
      append(text, *value);
    }
  }
  return text;
}

}  // namespace hostlens::aggregators
