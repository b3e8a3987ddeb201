// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_attributes.h"

#include "base/utf8.h"
#include "exporters/version.h"

namespace hostlens::exporters::otlp {
namespace {

using opentelemetry::proto::common::v1::AnyValue;

struct ValueEncoder {
  AnyValue& out;

  void operator()(const std::string& text) const {
    base::assign_utf8(*out.mutable_string_value(), text);
  }
  void operator()(int64_t number) const { out.set_int_value(number); }
  void operator()(double number) const { out.set_double_value(number); }
  void operator()(bool flag) const { out.set_bool_value(flag); }
  void operator()(const std::vector<std::string>& list) const {
    auto& values = *out.mutable_array_value()->mutable_values();
    for (const std::string& text : list)
      base::assign_utf8(*values.Add()->mutable_string_value(), text);
  }
};

}  // namespace

void encode(const model::Attributes& attributes, KeyValues& out) {
  for (const model::Attribute& attribute : attributes) {
    auto& pair = *out.Add();
    base::assign_utf8(*pair.mutable_key(), attribute.key);
    std::visit(ValueEncoder{*pair.mutable_value()}, attribute.value);
  }
}

void encode_scope(opentelemetry::proto::common::v1::InstrumentationScope& out) {
  out.mutable_name()->assign(kScopeName);
  out.mutable_version()->assign(agent_version());
}

}  // namespace hostlens::exporters::otlp
