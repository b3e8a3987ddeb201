// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_names.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace hostlens::symbols {

size_t V8Names::KeyHash::operator()(const Key& key) const {
  return base::mix(base::mix(base::mix(key.process.pid, key.process.start_ticks), key.shared),
                   key.name);
}

const V8Name& V8Names::name(const model::ProcessKey& process, const V8Layout& layout,
                            const decoders::V8Frame& frame, uint64_t now_ns) {
  V8Heap heap(memory_, process, layout, types_);
  Key key{process, frame.shared, frame.name};
  if (frame.shared == 0) key.shared = read_v8_shared(heap, frame.function).value_or(0);
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    known_.splice(known_.begin(), known_, found->second);
    Known& known = known_.front();
    if (known.name.function == nullptr && now_ns - known.since_ns >= limits_.retry_ns) {
      known.name = read(heap, key);
      known.since_ns = now_ns;
    }
    return known.name;
  }
  V8Name made = read(heap, key);
  known_.push_front({key, std::move(made), now_ns});
  by_key_[key] = known_.begin();
  if (known_.size() > std::max<size_t>(limits_.functions, 1)) {
    by_key_.erase(known_.back().key);
    known_.pop_back();
    ++figures_.evicted;
  }
  return known_.front().name;
}

V8Name V8Names::read(V8Heap& heap, const Key& key) {
  V8Function function;
  switch (read_v8_function(heap, key.shared, key.name, limits_.name_characters, function)) {
    case V8Reading::kGone:
      ++figures_.gone;
      return {};
    case V8Reading::kOther:
      ++figures_.other;
      return {};
    case V8Reading::kBroken:
      ++figures_.broken;
      return {};
    case V8Reading::kRead:
      break;
  }
  ++figures_.read;
  const auto script = scripts_.read(heap, key.process, function.script);
  V8Name name;
  name.builtin = function.builtin;
  if (script != nullptr && function.start) name.line = script->line(*function.start);
  if (function.name.empty()) function.name = "(anonymous)";
  name.function = functions_.get(std::move(function.name), script ? script->file : std::string());
  return name;
}

}  // namespace hostlens::symbols
