// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/attribute_writer.h"

#include <google/protobuf/io/coded_stream.h>

#include "base/utf8.h"
#include "exporters/otlp/encode_attributes.h"

namespace hostlens::exporters::otlp {
namespace {

using google::protobuf::io::CodedOutputStream;
using opentelemetry::proto::common::v1::AnyValue;
using opentelemetry::proto::common::v1::KeyValue;

constexpr uint32_t kKeyTag = length_delimited(KeyValue::kKeyFieldNumber);
constexpr uint32_t kValueTag = length_delimited(KeyValue::kValueFieldNumber);
constexpr uint32_t kTextTag = length_delimited(AnyValue::kStringValueFieldNumber);
constexpr uint32_t kIntegerTag = AnyValue::kIntValueFieldNumber << 3;  // varint

uint8_t* write_header(uint8_t* at, uint32_t tag, size_t size) {
  at = CodedOutputStream::WriteTagToArray(tag, at);
  return CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(size), at);
}

uint8_t* write_text(uint8_t* at, uint32_t tag, const std::string& text) {
  at = write_header(at, tag, text.size());
  return CodedOutputStream::WriteStringToArray(text, at);
}

/// Grows `out` by a KeyValue whose AnyValue has this size; returns where the AnyValue goes.
uint8_t* open(std::string& out, uint32_t tag, const std::string& key, size_t value_size) {
  const size_t size = header_bytes(kKeyTag, key.size()) + key.size() +
                      header_bytes(kValueTag, value_size) + value_size;
  const size_t before = out.size();
  out.resize(before + header_bytes(tag, size) + size);
  uint8_t* at = reinterpret_cast<uint8_t*>(out.data()) + before;
  at = write_text(write_header(at, tag, size), kKeyTag, key);
  return write_header(at, kValueTag, value_size);
}

}  // namespace

void append_header(std::string& out, uint32_t tag, size_t size) {
  uint8_t bytes[10];
  const uint8_t* end = write_header(bytes, tag, size);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(end - bytes));
}

size_t header_bytes(uint32_t tag, size_t size) {
  return CodedOutputStream::VarintSize32(tag) +
         CodedOutputStream::VarintSize32(static_cast<uint32_t>(size));
}

void append_attributes(std::string& out, uint32_t tag, const model::Attributes& attributes) {
  for (const model::Attribute& attribute : attributes) {
    const std::string& key = attribute.key;
    const bool key_is_clean = base::valid_utf8_prefix(key) == key.size();
    const auto* text = std::get_if<std::string>(&attribute.value);
    const auto* integer = std::get_if<int64_t>(&attribute.value);
    if (key_is_clean && text != nullptr && base::valid_utf8_prefix(*text) == text->size()) {
      uint8_t* at = open(out, tag, key, header_bytes(kTextTag, text->size()) + text->size());
      write_text(at, kTextTag, *text);
    } else if (key_is_clean && integer != nullptr) {
      const auto value = static_cast<uint64_t>(*integer);
      const size_t size =
          CodedOutputStream::VarintSize32(kIntegerTag) + CodedOutputStream::VarintSize64(value);
      uint8_t* at = CodedOutputStream::WriteTagToArray(kIntegerTag, open(out, tag, key, size));
      CodedOutputStream::WriteVarint64ToArray(value, at);
    } else {  // rare forms, and texts that need repair
      KeyValues one;
      encode({attribute}, one);
      append_header(out, tag, one[0].ByteSizeLong());
      one[0].AppendPartialToString(&out);
    }
  }
}

}  // namespace hostlens::exporters::otlp
