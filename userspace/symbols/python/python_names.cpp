// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/python_names.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "symbols/python/line_table.h"

namespace hostlens::symbols {
namespace {

/// Most strings and line tables are within: one request instead of two.
constexpr uint32_t kFirstBytes = 512;

}  // namespace

size_t PythonNames::KeyHash::operator()(const Key& key) const {
  return base::mix(base::mix(key.process.pid, key.process.start_ticks),
                   key.code ^ uint64_t{key.check} << 32U);
}

model::Frame PythonNames::name(const model::ProcessKey& process, python_version version,
                               const decoders::PythonFrame& frame, uint64_t now_ns) {
  const Code& known = code({process, frame.code, frame.check}, version, now_ns);
  model::Frame named;
  named.kind = model::Frame::Kind::kPython;
  named.function = known.function;
  if (known.function == nullptr) {
    named.address = frame.code;
  } else {
    named.line = python_line(version, known.lines, known.first_line, frame.offset);
  }
  return named;
}

const PythonNames::Code& PythonNames::code(const Key& key, python_version version,
                                           uint64_t now_ns) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    codes_.splice(codes_.begin(), codes_, found->second);
    Code& known = codes_.front();
    if (known.function == nullptr && now_ns - known.since_ns >= limits_.retry_ns) {
      bytes_ -= bytes_of(known);
      read(known, version);
      known.since_ns = now_ns;
      bytes_ += bytes_of(known);
    }
    return known;
  }
  Code made;
  made.key = key;
  made.since_ns = now_ns;
  read(made, version);
  bytes_ += bytes_of(made);
  codes_.push_front(std::move(made));
  by_key_[key] = codes_.begin();
  while (codes_.size() > 1 && (codes_.size() > limits_.codes || bytes_ > limits_.bytes)) {
    forget_oldest();
  }
  return codes_.front();
}

void PythonNames::forget_oldest() {
  const Code& oldest = codes_.back();
  bytes_ -= bytes_of(oldest);
  by_key_.erase(oldest.key);
  codes_.pop_back();
  ++figures_.evicted;
}

std::optional<PythonNames::Bytes> PythonNames::read_memory(const Key& key, uint64_t address,
                                                           uint64_t bytes) {
  if (bytes > kernel::ProcessMemory::kMostBytes) return std::nullopt;
  auto memory = memory_.read_memory(key.process, address, static_cast<uint32_t>(bytes));
  if (!memory) return std::nullopt;
  return *std::move(memory);
}

std::optional<std::string> PythonNames::read_str(const Key& key, python_version version,
                                                 uint64_t address, uint32_t most) {
  auto object = read_memory(key, address, kFirstBytes);
  if (!object) return std::nullopt;
  const auto bytes = python_str_bytes(version, *object, most);
  if (!bytes) return std::nullopt;
  if (*bytes > object->size()) object = read_memory(key, address, *bytes);
  if (!object) return std::nullopt;
  return parse_python_str(version, *object, most);
}

PythonNames::Bytes PythonNames::read_lines(const Key& key, uint64_t address) {
  auto object = read_memory(key, address, kFirstBytes);
  if (!object) return {};
  const auto bytes = python_bytes_bytes(*object);
  if (!bytes || *bytes > limits_.lines_bytes) return {};
  if (*bytes > object->size()) object = read_memory(key, address, *bytes);
  const auto lines = object ? parse_python_bytes(*object) : std::nullopt;
  return lines ? Bytes(lines->begin(), lines->end()) : Bytes{};
}

void PythonNames::read(Code& code, python_version version) {
  const Key& key = code.key;
  const auto object = read_memory(key, key.code, python_layouts[version].code_size);
  if (!object) {
    ++figures_.gone;
    return;
  }
  const auto head = parse_python_code(version, *object);
  if (!head || head->check != key.check) {
    ++(head ? figures_.other : figures_.broken);
    return;
  }
  auto name = read_str(key, version, head->name, limits_.name_characters);
  auto file = read_str(key, version, head->file, limits_.file_characters);
  if (!name || name->empty()) {
    ++figures_.broken;
    return;
  }
  code.function = functions_.get(*std::move(name), file ? *std::move(file) : std::string());
  code.first_line = head->first_line;
  code.lines = read_lines(key, head->lines);
  ++figures_.read;
}

}  // namespace hostlens::symbols
