// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/attribute_writer.h"

#include <google/protobuf/io/coded_stream.h>

#include "exporters/otlp/encode_attributes.h"
#include "exporters/utf8.h"

namespace hostlens::exporters::otlp {
namespace {

using google::protobuf::io::CodedOutputStream;
using opentelemetry::proto::common::v1::AnyValue;
using opentelemetry::proto::common::v1::KeyValue;

constexpr uint32_t kKeyTag = length_delimited(KeyValue::kKeyFieldNumber);
constexpr uint32_t kValueTag = length_delimited(KeyValue::kValueFieldNumber);
constexpr uint32_t kTextTag = length_delimited(AnyValue::kStringValueFieldNumber);
constexpr uint32_t kIntegerTag = AnyValue::kIntValueFieldNumber << 3;  // varint

/// Key and the AnyValue's length are known before its bytes.
void open(std::string& out, uint32_t tag, const std::string& key, size_t value_size) {
  append_header(out, tag,
                header_bytes(kKeyTag, key.size()) + key.size() +
                    header_bytes(kValueTag, value_size) + value_size);
  append_header(out, kKeyTag, key.size());
  out += key;
  append_header(out, kValueTag, value_size);
}

}  // namespace

void append_header(std::string& out, uint32_t tag, size_t size) {
  uint8_t bytes[10];
  uint8_t* end = CodedOutputStream::WriteTagToArray(tag, bytes);
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(size), end);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(end - bytes));
}

size_t header_bytes(uint32_t tag, size_t size) {
  return CodedOutputStream::VarintSize32(tag) +
         CodedOutputStream::VarintSize32(static_cast<uint32_t>(size));
}

void append_attributes(std::string& out, uint32_t tag, const model::Attributes& attributes) {
  for (const model::Attribute& attribute : attributes) {
    const std::string& key = attribute.key;
    const bool key_is_clean = valid_utf8_prefix(key) == key.size();
    const auto* text = std::get_if<std::string>(&attribute.value);
    const auto* integer = std::get_if<int64_t>(&attribute.value);
    if (key_is_clean && text != nullptr && valid_utf8_prefix(*text) == text->size()) {
      open(out, tag, key, header_bytes(kTextTag, text->size()) + text->size());
      append_header(out, kTextTag, text->size());
      out += *text;
    } else if (key_is_clean && integer != nullptr) {
      const auto value = static_cast<uint64_t>(*integer);
      uint8_t bytes[16];
      uint8_t* end = CodedOutputStream::WriteTagToArray(kIntegerTag, bytes);
      end = CodedOutputStream::WriteVarint64ToArray(value, end);
      const auto size = static_cast<size_t>(end - bytes);
      open(out, tag, key, size);
      out.append(reinterpret_cast<const char*>(bytes), size);
    } else {  // rare forms, and texts that need repair
      KeyValues one;
      encode({attribute}, one);
      append_header(out, tag, one[0].ByteSizeLong());
      one[0].AppendPartialToString(&out);
    }
  }
}

}  // namespace hostlens::exporters::otlp
