// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/java_names.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "base/utf8.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kStubNameBytes = 64;
/// The blob of these stubs is called "StubRoutines (continuation stubs)" in 21,
/// "(continuationstubs)" in 25. Who returns into one returns to what is in the heap:
/// StubRoutines::cont_returnBarrier().
constexpr std::string_view kContinuationStubs = "StubRoutines (continuation";
constexpr std::string_view kFramesInHeap = "[virtual thread: frames in the heap]";
/// What a table has of an entry beside what the entry holds.
constexpr uint64_t kEntryBytes = 128;

uint64_t bytes_of(const JavaMethod& method) { return method.lines.size(); }

}  // namespace

size_t JavaNames::KeyHash::operator()(const Key& key) const {
  return base::mix(base::mix(key.process.pid, key.process.start_ticks),
                   key.address ^ uint64_t{key.check} << 32U);
}

/// `read` returns how many bytes the value has, and 0 where it was not to be had.
template <typename Value, typename Read>
Value& JavaNames::find(Table<Value>& table, const Key& key, uint64_t now_ns, Read read) {
  const auto fill = [&](auto& entry) {
    table.bytes -= entry.bytes;
    entry.bytes = read(entry.value);
    if (entry.bytes == 0) ++figures_.gone;
    entry.since_ns = entry.bytes == 0 ? now_ns : UINT64_MAX;
    entry.bytes += kEntryBytes;
    table.bytes += entry.bytes;
  };
  const auto found = table.by_key.find(key);
  if (found != table.by_key.end()) {
    table.entries.splice(table.entries.begin(), table.entries, found->second);
    auto& known = table.entries.front();
    if (known.since_ns != UINT64_MAX && now_ns - known.since_ns >= limits_.retry_ns) fill(known);
    return known.value;
  }
  table.entries.push_front({key, {}, 0, 0});
  fill(table.entries.front());
  table.by_key[key] = table.entries.begin();
  while (table.entries.size() > 1 &&
         (table.entries.size() > limits_.entries || table.bytes > limits_.bytes / 2)) {
    table.bytes -= table.entries.back().bytes;
    table.by_key.erase(table.entries.back().key);
    table.entries.pop_back();
    ++figures_.evicted;
  }
  return table.entries.front().value;
}

JavaNames::Named& JavaNames::method(const Key& key, const HotspotLayout& layout, uint64_t now_ns) {
  return find(methods_, key, now_ns, [&](Named& named) -> uint64_t {
    ProcessWords words(memory_, key.process);
    auto read = read_java_method(layout, key.address, key.check, words, limits_.method);
    if (!read) return 0;
    ++figures_.methods;
    named.function = functions_.get(std::move(read->name), std::move(read->file));
    named.method = *std::move(read);
    return sizeof(named) + bytes_of(named.method);
  });
}

JavaNames::Compiled& JavaNames::compiled(const Key& key, const HotspotLayout& layout,
                                         uint64_t now_ns) {
  return find(codes_, key, now_ns, [&](Compiled& compiled) -> uint64_t {
    ProcessWords words(memory_, key.process);
    compiled.code = read_compiled_code(layout, key.address, key.check, words, limits_.code);
    if (!compiled.code) return 0;
    ++figures_.codes;
    compiled.methods.assign(compiled.code->methods.size(), std::nullopt);
    compiled.outer = key_of(key.process, layout, compiled.code->method);
    return compiled.code->bytes() + compiled.methods.size() * sizeof(std::optional<Key>);
  });
}

std::shared_ptr<const model::Function> JavaNames::stub(const Key& key, const HotspotLayout& layout,
                                                       uint64_t now_ns) {
  return find(stubs_, key, now_ns,
              [&](std::shared_ptr<const model::Function>& function) -> uint64_t {
                ProcessWords words(memory_, key.process);
                const auto address = words.at<uint64_t>(key.address + layout.blob_name);
                const auto bytes = address ? words.some(*address, kStubNameBytes) : std::nullopt;
                if (!bytes) return 0;
                const char* const text = reinterpret_cast<const char*>(bytes->data());
                std::string name;
                base::assign_utf8(name, {text, ::strnlen(text, bytes->size())});
                std::replace_if(
                    name.begin(), name.end(),
                    [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
                if (name.empty()) return 0;
                function = functions_.get(std::move(name), {});
                return sizeof(model::Function);
              });
}

std::optional<JavaNames::Key> JavaNames::key_of(const model::ProcessKey& process,
                                                const HotspotLayout& layout, uint64_t method) {
  ProcessWords words(memory_, process);
  const auto check = java_method_check(layout, method, words);
  return check ? std::optional(Key{process, method, *check}) : std::nullopt;
}

bool JavaNames::append_method(const Key& key, const HotspotLayout& layout, int32_t bytecode,
                              uint64_t now_ns, std::vector<model::Frame>& frames) {
  const Named& named = method(key, layout, now_ns);
  if (named.function == nullptr) return false;
  model::Frame frame;
  frame.kind = model::Frame::Kind::kJava;
  frame.function = named.function;
  frame.line = named.method.line(bytecode);
  frames.push_back(std::move(frame));
  return true;
}

bool JavaNames::append_compiled(const Key& key, const HotspotLayout& layout,
                                const decoders::ProfileFrame& frame, uint64_t now_ns,
                                std::vector<model::Frame>& frames) {
  Compiled& known = compiled(key, layout, now_ns);
  if (!known.code || !known.outer) return false;
  const size_t before = frames.size();
  const std::vector<CodeScope> scopes = known.code->scopes_at(frame.java_place);
  for (const CodeScope& scope : scopes) {
    std::optional<Key>& inner = known.methods[scope.method];
    if (!inner) inner = key_of(key.process, layout, known.code->methods[scope.method]);
    if (inner && append_method(*inner, layout, scope.bytecode, now_ns, frames)) continue;
    frames.resize(before);
    break;
  }
  if (frames.size() == before) return append_method(*known.outer, layout, -1, now_ns, frames);
  for (size_t i = before; i + 1 < frames.size(); ++i) frames[i].inlined = true;
  return true;
}

bool JavaNames::append(const model::ProcessKey& process, const HotspotLayout& layout,
                       const decoders::ProfileFrame& frame, uint64_t now_ns,
                       std::vector<model::Frame>& frames) {
  switch (frame.java) {
    case HOTSPOT_FRAME_INTERPRETED: {
      const bool known = frame.java_place != HOTSPOT_PLACE_UNKNOWN;
      return append_method({process, frame.address, frame.java_check}, layout,
                           known ? static_cast<int32_t>(frame.java_place) : -1, now_ns, frames);
    }
    case HOTSPOT_FRAME_COMPILED:
      if (frame.java_place == HOTSPOT_PLACE_UNKNOWN) return false;
      return append_compiled({process, frame.address - frame.java_place, frame.java_check}, layout,
                             frame, now_ns, frames);
    default:
      break;
  }
  if (frame.java_place == HOTSPOT_PLACE_UNKNOWN) return false;
  const auto function = stub({process, frame.address - frame.java_place, 0}, layout, now_ns);
  if (function == nullptr) return false;
  const auto append_stub = [&frames](std::shared_ptr<const model::Function> is) {
    model::Frame named;
    named.kind = model::Frame::Kind::kJit;
    named.function = std::move(is);
    frames.push_back(std::move(named));
  };
  if (frame.is_return && function->name.starts_with(kContinuationStubs)) {
    append_stub(functions_.get(std::string(kFramesInHeap), {}));
  }
  append_stub(function);
  return true;
}

}  // namespace hostlens::symbols
