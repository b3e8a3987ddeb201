// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_json/json_values.h"

#include <cmath>

#include "exporters/version.h"

namespace hostlens::exporters::otlp_json {
namespace {

struct ValueEncoder {
  Json operator()(const std::string& text) const { return {{"stringValue", text}}; }
  Json operator()(int64_t value) const { return {{"intValue", std::to_string(value)}}; }
  Json operator()(double value) const { return {{"doubleValue", number(value)}}; }
  Json operator()(bool value) const { return {{"boolValue", value}}; }
  Json operator()(const std::vector<std::string>& list) const {
    Json values = Json::array();
    for (const std::string& text : list) values.push_back((*this)(text));
    return {{"arrayValue", {{"values", std::move(values)}}}};
  }
};

}  // namespace

Json number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json attributes(const model::Attributes& attributes) {
  Json list = Json::array();
  for (const model::Attribute& attribute : attributes) {
    list.push_back(
        {{"key", attribute.key}, {"value", std::visit(ValueEncoder{}, attribute.value)}});
  }
  return list;
}

Json resource(const model::Attributes* resource_attributes) {
  Json object = Json::object();
  if (resource_attributes != nullptr) object["attributes"] = attributes(*resource_attributes);
  return object;
}

Json scope() { return {{"name", kScopeName}, {"version", agent_version()}}; }

std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hostlens::exporters::otlp_json
